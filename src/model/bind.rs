//! A bind: a click's uid and the Telegram user it turned out to be (docs/bot.md).

use crate::model::event::{Id, TgId};

/// A uid and its Telegram user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    pub uid: Id,
    pub tg_id: TgId,
}
