//! Forms: every one is a list of fields, so that all look and fail alike. What the user typed comes
//! back with the reason beside its field.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::error::{BadField, BadFields};
use crate::text::pairs;

/// How a field is filled in.
pub enum Control {
    /// A line of text, by the `type` of its input.
    Line(&'static str),
    Lines,
    /// One of several: value and label.
    Choice(Vec<(String, String)>),
    /// Yes or no.
    Check,
}

/// A field of a form.
pub struct Field {
    name: &'static str,
    label: &'static str,
    hint: String,
    control: Control,
    value: String,
    error: String,
    /// What the list of macros is called, and each with its meaning.
    macros: (&'static str, Vec<(String, String)>),
    required: bool,
    /// Whether it has the focus when the page opens.
    focused: bool,
    /// The id of a list of suggestions, and what browsers may fill in by themselves.
    list: &'static str,
    autocomplete: &'static str,
}

impl Field {
    pub fn new(name: &'static str, label: &'static str, control: Control) -> Self {
        let autocomplete = if name == "password" { "current-password" } else { "off" };
        Self {
            name,
            label,
            hint: String::new(),
            control,
            value: String::new(),
            error: String::new(),
            macros: ("", Vec::new()),
            required: false,
            focused: false,
            list: "",
            autocomplete,
        }
    }

    /// A line of text that must not be empty.
    pub fn line(name: &'static str, label: &'static str, value: &str) -> Self {
        Self { required: true, ..Self::new(name, label, Control::Line("text")).value(value) }
    }

    /// A line of text that may stay empty.
    pub fn optional(name: &'static str, label: &'static str, value: &str) -> Self {
        Self::new(name, label, Control::Line("text")).value(value)
    }

    /// A secret, which nobody reads over a shoulder. What was just typed comes back with the form that was refused;
    /// what is saved must not be handed in here.
    pub fn secret(name: &'static str, label: &'static str, typed: &str) -> Self {
        let line = Self::new(name, label, Control::Line("password")).value(typed);
        Self { autocomplete: "new-password", ..line }
    }

    pub fn check(name: &'static str, label: &'static str, on: bool) -> Self {
        Self::new(name, label, Control::Check).value(if on { "on" } else { "" })
    }

    pub fn choice(
        name: &'static str,
        label: &'static str,
        value: &str,
        options: &[(&str, &str)],
    ) -> Self {
        let own = |(value, label): &(&str, &str)| ((*value).to_owned(), (*label).to_owned());
        Self::new(name, label, Control::Choice(options.iter().map(own).collect())).value(value)
    }

    pub fn value(self, value: &str) -> Self {
        Self { value: value.to_owned(), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Lists the macros that can be written here, each as it is written and with its meaning.
    pub fn macros(
        self,
        title: &'static str,
        macros: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self { macros: (title, macros.into_iter().collect()), ..self }
    }

    /// Whoever opens the page begins here.
    pub fn focused(self) -> Self {
        Self { focused: true, ..self }
    }

    pub fn suggested(self, list: &'static str) -> Self {
        Self { list, ..self }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    fn is_line(&self) -> Option<&'static str> {
        if let Control::Line(kind) = self.control { Some(kind) } else { None }
    }

    fn options(&self) -> &[(String, String)] {
        if let Control::Choice(options) = &self.control { options } else { &[] }
    }

    fn is_check(&self) -> bool {
        matches!(self.control, Control::Check)
    }

    fn is_choice(&self) -> bool {
        matches!(self.control, Control::Choice(_))
    }

    /// Ids of what describes it, for screen readers.
    fn described_by(&self) -> String {
        let ids = [("hint", !self.hint.is_empty()), ("error", !self.error.is_empty())];
        let ids = ids.iter().filter(|(_, there)| *there);
        ids.map(|(what, _)| format!("{}-{what}", self.name)).collect::<Vec<_>>().join(" ")
    }
}

/// A form that is sent by POST.
#[derive(Template)]
#[template(path = "form.html")]
pub struct Form {
    action: String,
    submit: &'static str,
    fields: Vec<Field>,
    /// What was done with what it sent before; empty where it is new.
    done: &'static str,
    /// What is wrong with none of the fields alone.
    errors: Vec<String>,
    /// Names and values that are sent along unseen.
    hidden: Vec<(&'static str, String)>,
    /// Whether it asks for a password, for which password managers want a name.
    password: bool,
    /// A second button: the name that is sent with it, and what stands on it.
    also: Option<(&'static str, &'static str)>,
}

impl HtmlSafe for Form {}

impl Form {
    pub fn new(action: String, submit: &'static str, fields: Vec<Field>) -> Self {
        let password = fields.iter().any(|field| field.autocomplete == "current-password");
        Self {
            action,
            submit,
            fields,
            done: "",
            errors: Vec::new(),
            hidden: Vec::new(),
            password,
            also: None,
        }
    }

    /// Says what was done with what it sent before, where something was.
    pub fn done(self, done: Option<&'static str>) -> Self {
        Self { done: done.unwrap_or_default(), ..self }
    }

    pub fn hidden(mut self, name: &'static str, value: &str) -> Self {
        self.hidden.push((name, value.to_owned()));
        self
    }

    /// Adds a button that sends the same form under a name of its own, complete or not.
    pub fn also(self, name: &'static str, label: &'static str) -> Self {
        Self { also: Some((name, label)), ..self }
    }

    /// Says beside each wrong field why it was refused, above the form where no field has the name, and puts the
    /// focus on the first.
    pub fn refused(mut self, bad: Option<&BadFields>) -> Self {
        for bad in bad.iter().flat_map(|bad| bad.iter()) {
            let reason = bad.reason.clone().into_owned();
            match self.fields.iter_mut().find(|field| is_about(bad, field.name)) {
                Some(field) => field.error = reason,
                None => self.errors.push(reason),
            }
        }
        let first = self.fields.iter().position(|field| !field.error.is_empty());
        // Where its address leads to a place of the page, browsers refuse, remark on it, and leave it to the script.
        let may_focus = !self.action.contains('#');
        if let Some(first) = first {
            for (at, field) in self.fields.iter_mut().enumerate() {
                field.focused = may_focus && at == first;
            }
        }
        self
    }

    /// The wrong fields in their order, where they are more than one sees at a glance.
    fn summary(&self) -> Vec<&Field> {
        let wrong: Vec<_> = self.fields.iter().filter(|field| !field.error.is_empty()).collect();
        if wrong.len() + self.errors.len() > 1 { wrong } else { Vec::new() }
    }
}

/// Whether a fault is a field's own: forms leave out what a field is inside of.
fn is_about(bad: &BadField, name: &str) -> bool {
    let inner = bad.field.split_once('.').map(|(_, inner)| inner);
    bad.field == name || inner == Some(name)
}

/// The HTTP status of a screen whose form was refused, or not.
pub fn status(bad: Option<&BadFields>) -> u16 {
    if bad.is_some() { 422 } else { 200 }
}

/// What a form sent.
#[derive(Clone, Debug, Default)]
pub struct Sent(Vec<(String, String)>);

impl Sent {
    /// Reads a body of the type `application/x-www-form-urlencoded`.
    pub fn read(body: &str) -> Self {
        Self(pairs::pairs(body))
    }

    /// A field's text; empty where it was not sent.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(sent, _)| sent == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Every text that was sent under a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }

    /// All that was sent, but for some names and what was left empty.
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let is_kept = |(name, value): &&(String, String)| {
            !names.contains(&name.as_str()) && !value.is_empty()
        };
        self.0.iter().filter(is_kept).cloned().collect()
    }

    pub fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The text of a field that may be left empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        let text = self.get(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_escaped_with_the_reason_beside_it() {
        let form = Form::new("/x".to_owned(), "Save", vec![Field::line("name", "Name", "<b>\"")]);
        let html =
            form.refused(Some(&BadField::new("name", "Too short.").into())).render().unwrap();
        assert!(html.contains("value=\"&#60;b&#62;&#34;\""), "{html}");
        assert!(html.contains("id=\"name-error\">Too short."), "{html}");
        assert!(
            html.contains("aria-describedby=\"name-error\" aria-invalid=\"true\" autofocus"),
            "{html}"
        );
    }

    #[test]
    fn a_reason_without_a_field_stands_above() {
        let form = Form::new("/x".to_owned(), "Save", Vec::new());
        let html = form.refused(Some(&BadField::new("page", "No.").into())).render().unwrap();
        assert!(html.contains("role=\"alert\">No."), "{html}");
    }

    #[test]
    fn all_that_is_wrong_is_listed_above_and_the_first_of_the_form_has_the_focus() {
        let fields = vec![
            Field::check("on", "On", true),
            Field::optional("title", "Title", "a"),
            Field::optional("name", "Name", "b").focused(),
        ];
        let bad = ["name", "page.title"].map(|field| BadField::new(field, "No."));
        let form = Form::new("/x".to_owned(), "Save", fields);
        let html = form.refused(BadFields::of(bad).as_ref()).render().unwrap();
        assert!(html.contains("2 things to mend"), "{html}");
        assert!(html.contains("<a href=\"#title\">Title</a>: No."), "{html}");
        assert_eq!(html.matches("aria-invalid").count(), 2, "{html}");
        let focused = html.split(" autofocus").next().unwrap();
        assert!(focused.rsplit('<').next().unwrap().contains("id=\"title\""), "{html}");
        assert_eq!(html.matches(" autofocus").count(), 1, "{html}");
    }

    #[test]
    fn a_sent_form_is_read_by_name() {
        let sent = Sent::read("name=a+b%26&on=on&empty=");
        assert_eq!((sent.get("name"), sent.get("missing")), ("a b&", ""));
        assert!(sent.is_on("on") && !sent.is_on("empty"));
        assert_eq!(
            (sent.optional("name"), sent.optional("empty")),
            (Some("a b&".to_owned()), None)
        );
    }
}
