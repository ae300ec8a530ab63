//! Whoever comes in from outside: networks, bots, visitors, the operator's programs, whoever watches.

pub mod bot;
pub mod gate;
pub mod health;
pub mod intake;
pub mod landing;
pub mod operator;
mod trail;
