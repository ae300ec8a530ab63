//! Whoever comes in from outside: networks, bots, visitors, the operator's programs, whoever watches.

pub mod bot;
mod dry_run;
pub mod gate;
pub mod health;
pub mod intake;
pub mod landing;
pub mod operator;
mod rules;
mod trail;
