//! Calls of a Durable Object, and its answers.

use worker::js_sys;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys;
use worker::{Method, ObjectNamespace, Request, RequestInit, Response};

use super::text_of;
use crate::error::Error;

/// There is one object for each database, and it is called like the database.
const NAME: &str = "DB";

/// An address, which a request has to have and an object pays no heed to.
const ADDRESS: &str = "https://writer/";

/// Asks the object by a text, and gives its answer's.
pub async fn ask(objects: &ObjectNamespace, letter: String) -> Result<String, Error> {
    let answer = async {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from_str(&letter)));
        let request = Request::new_with_init(ADDRESS, &init)?;
        objects.get_by_name(NAME)?.fetch_with_request(request).await?.text().await
    };
    answer.await.map_err(|error| Error::Object(text_of(&error)))
}

/// The text that an object is asked by.
pub async fn asked(request: &web_sys::Request) -> worker::Result<String> {
    let text: js_sys::Promise = request.text()?.unchecked_into();
    Ok(JsFuture::from(text).await?.as_string().unwrap_or_default())
}

/// An object's answer.
pub fn said(text: String) -> worker::Result<Response> {
    Response::ok(text)
}
