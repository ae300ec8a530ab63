//! HTML, which only the template engine makes: it escapes whatever a template shows.

use std::any;
use std::fmt::{self, Write};

use askama::Template;

use crate::error::Error;

/// A page, or a part of one.
#[derive(Debug)]
pub struct Html(String);

impl Html {
    /// Renders a template.
    pub fn of<T: Template>(template: &T) -> Result<Self, Error> {
        written(template).ok_or(Error::Template(any::type_name::<T>()))
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

fn written(template: &dyn fmt::Display) -> Option<Html> {
    let mut text = String::new();
    write!(text, "{template}").ok()?;
    Some(Html(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stuck;

    impl fmt::Display for Stuck {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[derive(Template)]
    #[template(source = "<p>{{ text }}</p>", ext = "html")]
    struct Page<T: fmt::Display> {
        text: T,
    }

    #[test]
    fn a_template_escapes_what_it_shows() {
        let html = Html::of(&Page { text: "<b>" }).unwrap();
        assert_eq!(html.into_text(), "<p>&#60;b&#62;</p>");
    }

    #[test]
    fn a_template_that_does_not_render_is_an_error_and_no_empty_page() {
        let refused = Html::of(&Page { text: Stuck });
        assert!(
            matches!(refused, Err(Error::Template(name)) if name.contains("html::tests::Page"))
        );
    }
}
