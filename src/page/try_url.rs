//! Try a URL: what would become of a postback that nobody has sent, or of a template, before any traffic.

use askama::Template;
use askama::filters::HtmlSafe;

use super::explain::{Explained, explain};
use super::form::{self, Control, Field, Form};
use super::frame::{self, Section};
use super::receipt;
use super::shown::{Moment, moment, visible};
use crate::db::space::Spaces;
use crate::error::BadFields;
use crate::error::Error;
use crate::figures::Zone;
use crate::model::status::Status;
use crate::network::Pack;
use crate::network::checked::{Checked, Fit};
use crate::receipt::Receipt;
use crate::reply::Reply;

/// The form's fields.
pub const URL: &str = "url";
pub const NETWORK: &str = "network";

/// What a pasted token is; the token itself is never shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Missing,
    /// A placeholder or a macro stands in its place.
    Placeholder,
    /// It does not have the form of one.
    NotOne,
    /// It is a bearer, which does not open `/e`.
    Bearer,
    Current,
    /// It is the previous one, until a time.
    Previous(i64),
    /// It ended at a time.
    Ended(i64),
    /// It is another space's.
    Others(String),
    /// This deployment made it, and it opens nothing.
    Revoked,
    Unknown,
}

/// What came of a try.
pub struct Tried<'a> {
    pub receipt: &'a Receipt,
    pub token: Token,
    pub warnings: Vec<String>,
    /// `None` where no macro is left in it.
    pub template: Option<Checked>,
}

struct Macro {
    name: String,
    text: String,
    verdict: &'static str,
    sentence: String,
}

struct Checking {
    network: Option<String>,
    said: Vec<Macro>,
    missing: Vec<String>,
}

struct Shown {
    receipt: receipt::Shown,
    is_fine: bool,
    /// Whether its token opens this space.
    opens: bool,
    token: TokenText,
    warnings: Vec<String>,
    notes: Vec<Explained>,
    template: Option<Checking>,
    sent: Vec<(i64, String, String)>,
}

/// What there is to say of a token.
#[derive(Template)]
#[template(
    source = "{{ text }}{% if let Some(at) = at %} {{ at }}{% endif %}{{ end }}",
    ext = "html"
)]
struct TokenText {
    text: String,
    at: Option<Moment>,
    end: &'static str,
}

impl HtmlSafe for TokenText {}

#[derive(Template)]
#[template(path = "try_url.html")]
struct TryPage {
    space_id: i64,
    form: Form,
    tried: Option<Shown>,
}

/// The screen: the form alone, or what came of it. `typed` is free of keys.
pub fn page(
    spaces: &Spaces,
    space_id: i64,
    packs: &[Pack],
    typed: (&str, &str),
    tried: Option<Tried<'_>>,
    bad: Option<&BadFields>,
    zone: &Zone,
) -> Result<Reply, Error> {
    let mut networks = vec![("", "Recognise it by its macros")];
    networks.extend(packs.iter().map(|pack| (pack.slug, pack.name.as_str())));
    let fields = vec![
        Field::new(URL, "URL or template", Control::Lines)
            .value(typed.0)
            .hint("With https:// or only what stands behind the ?. A token in it is not kept, and is not shown again."),
        Field::choice(NETWORK, "Network", typed.1, &networks).hint("For templates."),
    ];
    let form = Form::new(format!("/s/{space_id}/try"), "Try it", fields).refused(bad);
    let tried = tried.map(|tried| show(tried, zone));
    let page = TryPage { space_id, form, tried };
    frame::of_space(form::status(bad), spaces, Section::Keys, "Try a URL", &page)
}

fn show(tried: Tried<'_>, zone: &Zone) -> Shown {
    let Tried { receipt, token, warnings, template } = tried;
    let is_taken = Status::parse(receipt.decision.status).is_some_and(Status::is_ok);
    let is_right = |checked: &Checked| checked.said.iter().all(|said| said.fit == Fit::Right);
    let opens = matches!(token, Token::Current | Token::Previous(_));
    Shown {
        is_fine: opens && is_taken && warnings.is_empty() && template.as_ref().is_none_or(is_right),
        opens,
        token: token_text(token, zone),
        warnings: warnings.iter().map(|warning| visible(warning)).collect(),
        notes: receipt.decision.notes.iter().map(|note| explain(note)).collect(),
        template: template.map(checking),
        sent: receipt
            .deliveries
            .iter()
            .map(|one| (one.id, visible(&one.destination), visible(&one.target)))
            .collect(),
        receipt: receipt::Shown::new(receipt, zone),
    }
}

fn checking(checked: Checked) -> Checking {
    let said = checked.said.into_iter().map(|said| Macro {
        name: visible(&said.name),
        text: visible(&said.text),
        verdict: match said.fit {
            Fit::Right => "yes",
            Fit::Wrong => "no",
            Fit::Unknown => "not known",
        },
        sentence: visible(&said.sentence),
    });
    Checking { network: checked.network, said: said.collect(), missing: checked.missing }
}

fn token_text(token: Token, zone: &Zone) -> TokenText {
    let (text, at_ms, end) = match token {
        Token::Missing => ("There is no token in it: without one it is refused.", None, ""),
        Token::Placeholder => (
            "Where the token belongs, a placeholder stands. Put your ingest token there.",
            None,
            "",
        ),
        Token::NotOne => {
            ("What stands in place of the token is none: those begin with xt_in_.", None, "")
        }
        Token::Bearer => (
            "Its token is the key of your bot or server (xt_sk_…), which opens no postback URL. Use the ingest token (xt_in_…).",
            None,
            "",
        ),
        Token::Current => ("Its token is this space's current one.", None, ""),
        Token::Previous(until_ms) => (
            "Its token is this space's previous one, which works until",
            Some(until_ms),
            ". Replace it.",
        ),
        Token::Ended(at_ms) => {
            ("Its token was this space's, and ended", Some(at_ms), ". Use the current one.")
        }
        Token::Others(name) => {
            let text = format!(
                "Its token is that of another space, {}: there it would be stored.",
                visible(&name)
            );
            return TokenText { text, at: None, end: "" };
        }
        Token::Revoked => (
            "Its token was made by this deployment, and opens nothing any more. Use the current one.",
            None,
            "",
        ),
        Token::Unknown => ("Its token is unknown to this deployment.", None, ""),
    };
    TokenText { text: text.to_owned(), at: at_ms.map(|ms| moment(zone, ms)), end }
}
