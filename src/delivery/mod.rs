//! Sending events on (contract §§8, 9). Everything here but the `courier` and its `attempt` is pure.

pub mod address;
mod attempt;
pub mod capi;
pub mod courier;
pub mod facts;
pub mod mask;
pub mod outcome;
pub mod request;
mod run;
pub mod template;
pub mod webhook;
