//! Sends pictures to the upload server.

use std::{convert::Infallible, time::Duration};

use actix_http::body::SizedStream;
use awc::http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, REFERER, USER_AGENT},
};
use bytes::Bytes;
use futures_util::stream;

use super::{File, PATH, Picture, UPLOAD_URL, UploadRefused, form};
use crate::platform::{
    cookies::Cookies,
    mtop::client::{GatewayError, cookie_header, merge},
};

/// An answer is a few hundred bytes; a page that comes instead a few KiB.
const BODY_LIMIT: usize = 1 << 20;

/// How an [`UploadClient`] uploads.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origin of the upload server, `http://` or `https://`.
    pub url: String,
    /// A desktop browser's.
    pub user_agent: String,
    /// From the look-up of the name to the last byte of the answer, the file between them.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: UPLOAD_URL.to_owned(), user_agent: String::new(), timeout: Duration::from_secs(60) }
    }
}

/// Uploads for any account; made for one call, of the thread's HTTP client.
pub struct UploadClient<'a> {
    pub http: awc::Client,
    pub config: &'a Config,
}

/// What came of an upload.
#[derive(Debug)]
pub struct UploadReport {
    pub outcome: Result<Picture, UploadError>,
    /// Whether the jar has something new that should be stored.
    pub cookies_changed: bool,
}

/// Why there is no picture. Never carries cookies or the answer's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// No answer, or none that makes sense: it may be tried again.
    #[error("no answer to an upload: {0}")]
    Failed(#[from] GatewayError),
    #[error("{}", match .0 {
        UploadRefused::Session => "a login page came instead of an answer",
        UploadRefused::Risk { .. } => "the platform asks for a person",
        UploadRefused::NoPicture => "the answer names no picture",
    })]
    Refused(UploadRefused),
}

impl UploadClient<'_> {
    /// Uploads once, with its deadline, and merges every cookie that comes. Never repeats anything: what an error means is the caller's
    /// business.
    pub async fn upload(&self, file: &File, cookies: &mut Cookies) -> UploadReport {
        match tokio::time::timeout(self.config.timeout, self.request(file, cookies)).await {
            Ok(Ok((headers, outcome))) => UploadReport { cookies_changed: merge(cookies, &headers), outcome },
            Ok(Err(error)) => UploadReport { outcome: Err(error.into()), cookies_changed: false },
            Err(_) => UploadReport { outcome: Err(GatewayError::Timeout.into()), cookies_changed: false },
        }
    }

    async fn request(
        &self,
        file: &File,
        cookies: &Cookies,
    ) -> Result<(HeaderMap, Result<Picture, UploadError>), GatewayError> {
        let (content_type, body) = form(file, &format!("yutang-{:032x}", rand::random::<u128>()));
        let jar = cookie_header(cookies.header()).map_err(|error| GatewayError::Network(error.to_string()))?;
        let request = self
            .http
            .post(format!("{}{PATH}", self.config.url.trim_end_matches('/')))
            // The client's own is for answers that need no upload before them.
            .timeout(self.config.timeout)
            .insert_header((COOKIE, jar))
            .insert_header((ORIGIN, "https://www.goofish.com"))
            .insert_header((REFERER, "https://www.goofish.com/"))
            .insert_header((ACCEPT, "application/json"))
            .insert_header((USER_AGENT, self.config.user_agent.as_str()))
            .insert_header((CONTENT_TYPE, content_type));
        let length: usize = body.iter().map(Bytes::len).sum();
        let parts = stream::iter(body.into_iter().map(Ok::<_, Infallible>));
        // Part by part: nothing of it holds up the thread's other accounts.
        let body = SizedStream::new(u64::try_from(length).unwrap_or(u64::MAX), parts);
        let mut response = request.send_body(body).await.map_err(GatewayError::sending)?;
        let body = response.body().limit(BODY_LIMIT).await.map_err(|error| GatewayError::reading(&error))?;
        Ok((response.headers().clone(), read(response.status(), response.headers(), &body)))
    }
}

/// A page that makes sense counts under any status; a way to the login page is one too.
fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Picture, UploadError> {
    let to_login = headers.get(LOCATION).is_some_and(|to| to.to_str().is_ok_and(|to| to.contains("login")));
    match Picture::read(body) {
        Ok(picture) if status.is_success() => Ok(picture),
        _ if status.is_redirection() && to_login => Err(UploadError::Refused(UploadRefused::Session)),
        Ok(_) | Err(UploadRefused::NoPicture) if !status.is_success() => {
            Err(GatewayError::Http(status.as_u16()).into())
        }
        Ok(picture) => Ok(picture),
        Err(refused) => Err(UploadError::Refused(refused)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{
        platform::mtop::client::http_client,
        sim::{self, Account, Sim, Uploads},
    };

    struct World {
        sim: Sim,
        account: std::sync::Arc<Account>,
        cookies: Cookies,
        config: Config,
    }

    impl World {
        fn new() -> Self {
            let sim = Sim::start(([127, 0, 0, 1], 0).into(), sim::Config::default()).unwrap();
            let account = sim.platform().add_account("shop");
            let cookies = Cookies::parse(&sim.platform().cookies(&account));
            let config = Config { url: sim.gateway_url(), ..Config::default() };
            Self { sim, account, cookies, config }
        }

        async fn upload(&mut self, uploads: Uploads) -> Result<Picture, UploadError> {
            self.sim.platform().change_faults(|faults| faults.uploads = uploads);
            let mut bytes = Vec::new();
            image::RgbImage::new(7, 5).write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
            let file = File { name: "a.png".into(), mime: "image/png", bytes: bytes.into() };
            let client = UploadClient { http: http_client(self.config.timeout), config: &self.config };
            client.upload(&file, &mut self.cookies).await.outcome
        }
    }

    #[actix_web::test]
    async fn a_picture_arrives_whole_and_comes_back_with_its_address_and_size() {
        let mut world = World::new();
        let picture = world.upload(Uploads::Healthy).await.unwrap();
        let taken = world.account.uploads().pop().unwrap();
        assert_eq!((picture.url, picture.size), (taken.url, Some((7, 5))));
        assert_eq!((taken.mime.as_str(), taken.width, taken.height), ("image/png", 7, 5));
        assert_eq!(world.upload(Uploads::WithoutSize).await.unwrap().size, None);
    }

    #[actix_web::test]
    async fn what_is_no_picture_says_what_it_is() {
        let mut world = World::new();
        let refused = |refused| Err(UploadError::Refused(refused));
        assert_eq!(world.upload(Uploads::Refused).await, refused(UploadRefused::NoPicture));
        assert_eq!(world.upload(Uploads::LoginPage).await, refused(UploadRefused::Session));
        assert_eq!(world.upload(Uploads::Punish).await, refused(UploadRefused::Risk { url: None }));
        assert_eq!(world.upload(Uploads::Status(502)).await, Err(GatewayError::Http(502).into()));
        world.account.expire_login();
        assert_eq!(world.upload(Uploads::Healthy).await, refused(UploadRefused::Session));
        assert_eq!((world.account.uploads().len(), world.account.upload_requests()), (0, 5));
    }

    #[actix_web::test]
    async fn an_upload_that_is_never_answered_costs_one_deadline() {
        let mut world = World::new();
        world.config.timeout = Duration::from_millis(100);
        assert_eq!(world.upload(Uploads::Hang).await, Err(GatewayError::Timeout.into()));
    }
}
