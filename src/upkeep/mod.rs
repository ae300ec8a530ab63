//! What happens without anybody waiting for it: after an answer, by the queues, by the cron.

mod attempt;
pub mod consumer;
pub mod courier;
pub mod later;
pub mod removal;
mod retention;
mod run;
pub mod spill;
mod tidy;
mod visit;
