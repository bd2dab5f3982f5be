//! The native addon of offloop: `WebSockets` for Node.js, off the event loop.
//!
//! | layer | crate or folder | knows | never knows |
//! |---|---|---|---|
//! | 1 protocol | `protocol/` | RFC 6455: bytes in, events out; commands in, bytes out | sockets, threads, clocks, Node |
//! | 2 shard | `shard/` | tokio, sockets, timers, backpressure | Node-API, JavaScript |
//! | 3 bridge | `bridge/` | Node-API: plain-data batches over the border | policy, defaults |
//! | 4 face | `../lib/` | the `ws` API, defaults, argument checks | framing |
//!
//! Arrows point down only; `docs/architecture.md` has the picture.

mod bridge;
