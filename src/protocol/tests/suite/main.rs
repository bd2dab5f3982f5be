//! The protocol seen from outside: every rule of RFC 6455, without any I/O.
//!
//! One binary, so that it links once. A test is named for its rule.
#![cfg(test)]

mod agreements;
mod blocks;
mod client_handshake;
mod close_states;
mod deflate_limits;
mod deflate_receive;
mod deflate_round_trip;
mod deflate_send;
mod deflate_window;
mod differences;
mod errors;
mod every_split;
mod extensions;
mod frame_rules;
mod fuzz;
mod fuzz_bodies;
mod handshake;
mod limits;
mod masking;
mod negotiation;
mod rfc_examples;
mod round_trip;
mod sending;
mod support;
mod text;
