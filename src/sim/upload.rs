//! The upload of pictures: a form with one file, no signature, cookies as everywhere.

use std::{io::Cursor, sync::Arc};

use actix_multipart::Multipart;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};
use futures_util::TryStreamExt as _;
use serde_json::json;

use super::{
    account::Account,
    fault::Uploads,
    gateway::{find, parse_cookies},
    platform::Platform,
};

/// A picture that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    pub url: String,
    /// As the client called it.
    pub mime: String,
    pub width: u32,
    pub height: u32,
    pub bytes: Vec<u8>,
}

impl Account {
    /// Every picture that was taken, oldest first.
    pub fn uploads(&self) -> Vec<Uploaded> {
        self.lock().uploads.clone()
    }

    /// Uploads that arrived, whatever came of them.
    pub fn upload_requests(&self) -> u32 {
        self.upload_requests.load(std::sync::atomic::Ordering::Relaxed)
    }
}

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><title>闲鱼</title><script src=\"mini-login\"></script></html>";

/// Answers `/api/upload.api`.
pub(super) async fn take(platform: Data<Platform>, request: HttpRequest, form: Multipart) -> HttpResponse {
    let jar = request.headers().get(header::COOKIE).map(|jar| String::from_utf8_lossy(jar.as_bytes()).into_owned());
    let cookies = parse_cookies(&jar.unwrap_or_default());
    let account = find(&cookies, "unb").and_then(|uid| platform.account(uid));
    let Some(account) = account else { return page(LOGIN_PAGE) };
    account.upload_requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let file = read(form).await;
    account.changed();
    if !account.is_logged_in(find(&cookies, "cookie2")) {
        return page(LOGIN_PAGE);
    }
    let faults = account.faults();
    match faults.uploads {
        Uploads::Healthy | Uploads::WithoutSize => {}
        Uploads::Refused => return HttpResponse::Ok().json(json!({"success": false, "message": "x"})),
        Uploads::LoginPage => return page(LOGIN_PAGE),
        Uploads::Punish => return page("<html>/_____tmd_____/punish?x5secdata=EXAMPLE</html>"),
        Uploads::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            return HttpResponse::build(status).content_type("text/html").body("<html><body>error</body></html>");
        }
        Uploads::Hang => std::future::pending().await,
    }
    let query: Vec<(String, String)> = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let is_chat = find(&query, "appkey") == Some("xy_chat") && find(&query, "floderId") == Some("0");
    let Some((mime, bytes)) = file.filter(|_| is_chat) else {
        return HttpResponse::Ok().json(json!({"success": false, "message": "no file"}));
    };
    answer(&account, mime, bytes, faults.uploads == Uploads::Healthy)
}

/// The one file, and its type.
async fn read(mut form: Multipart) -> Option<(String, Vec<u8>)> {
    let mut field = form.try_next().await.ok()??;
    if field.name() != Some("file") || field.content_disposition()?.get_filename().is_none() {
        return None;
    }
    let mime = field.content_type()?.to_string();
    let mut bytes = Vec::new();
    while let Some(chunk) = field.try_next().await.ok()? {
        bytes.extend_from_slice(&chunk);
    }
    drop(field);
    form.try_next().await.ok()?.is_none().then_some((mime, bytes))
}

/// Each upload has an address of its own, also of what was uploaded before.
fn answer(account: &Arc<Account>, mime: String, bytes: Vec<u8>, with_size: bool) -> HttpResponse {
    let reader = image::ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
    let Some((width, height)) = reader.ok().and_then(|reader| reader.into_dimensions().ok()) else {
        return HttpResponse::Ok().json(json!({"success": false, "message": "no picture"}));
    };
    let url = format!("https://img.alicdn.example.invalid/imgextra/i1/O1CN{}_!!0-xy_chat.jpg", account.shared.number());
    let size = bytes.len().to_string();
    account.lock().uploads.push(Uploaded { url: url.clone(), mime, width, height, bytes });
    account.changed();
    let mut object = json!({"url": url, "size": size, "fileId": "1"});
    if with_size {
        object["pix"] = format!("{width}x{height}").into();
    }
    HttpResponse::Ok().json(json!({"success": true, "object": object}))
}

fn page(html: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html;charset=UTF-8").body(html)
}
