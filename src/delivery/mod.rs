//! Sending events on (contract §§8, 9). Everything here but the `courier` is pure.

pub mod address;
pub mod capi;
pub mod courier;
pub mod facts;
pub mod mask;
pub mod outcome;
pub mod request;
pub mod template;
pub mod webhook;
