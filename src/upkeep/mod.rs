//! What happens without anybody waiting for it: after an answer, by the queues, by the cron.

mod attempt;
pub mod consumer;
pub mod courier;
pub mod later;
pub mod look;
pub mod removal;
pub mod replay;
mod retention;
mod run;
pub mod spill;
mod tidy;
pub mod unknown;
mod visit;
