//! What the hand-overs between threads are made of. The models in `loom/` compile them with loom's
//! in the place of these, which tries every order in which threads can run.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
