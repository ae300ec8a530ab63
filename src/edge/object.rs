//! Calls of a Durable Object, and its answers.

use worker::js_sys::{Function, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys;
use worker::{ObjectNamespace, Response};

use super::text_of;
use crate::error::Error;

/// An address, which a request has to have and an object pays no heed to.
const ADDRESS: &str = "https://writer/";

/// Asks the object of a name by a text, and gives its answer's.
pub async fn ask(objects: &ObjectNamespace, name: &str, letter: &str) -> Result<String, Error> {
    said_by(objects, name, letter).await.map_err(|error| Error::Object(text_of(&error)))
}

/// Few calls into the runtime, since every one that waits for others pays for them: a request of the
/// crate's would be ten more.
async fn said_by(objects: &ObjectNamespace, name: &str, letter: &str) -> worker::Result<String> {
    let object: Object = objects.get_by_name(name)?.into_rpc();
    let init = Object::new();
    Reflect::set(&init, &"method".into(), &"POST".into())?;
    Reflect::set(&init, &"body".into(), &letter.into())?;
    let fetch: Function = Reflect::get(&object, &"fetch".into())?.unchecked_into();
    let sent: Promise = fetch.call2(&object, &ADDRESS.into(), &init)?.unchecked_into();
    let response: web_sys::Response = JsFuture::from(sent).await?.unchecked_into();
    text(response.text()?).await
}

/// The text that an object is asked by.
pub async fn asked(request: &web_sys::Request) -> worker::Result<String> {
    text(request.text()?).await
}

async fn text(promise: impl AsRef<JsValue>) -> worker::Result<String> {
    let promise: &Promise = promise.as_ref().unchecked_ref();
    Ok(JsFuture::from(promise.clone()).await?.as_string().unwrap_or_default())
}

/// An object's answer.
pub fn said(text: String) -> worker::Result<Response> {
    Response::ok(text)
}
