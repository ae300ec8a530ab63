//! What people see: server-rendered pages, escaped by the template engine, under a strict
//! Content-Security-Policy. A file for each screen, its template beside it.

mod against;
pub mod asset;
mod by_link;
mod chart;
pub mod decide;
pub mod destinations;
pub mod entry;
pub mod event;
pub mod events;
mod explain;
pub mod filters;
pub mod form;
pub mod frame;
pub mod health;
pub mod key_list;
pub mod keys;
pub mod link;
pub mod links;
pub mod mend;
mod next;
pub mod overview;
mod receipt;
pub mod refused;
pub mod refused_one;
pub mod replays;
pub mod sending;
pub mod shown;
pub mod sort;
pub mod spaces;
pub mod start;
pub mod try_url;
pub mod visitor;
mod warnings;
