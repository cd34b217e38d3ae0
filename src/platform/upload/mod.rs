//! Hands a picture to the platform, which gives it an address that buyers' phones open. Not a call of the signed gateway: a form with a
//! file, and the cookies. `client.rs` sends it.

pub mod client;

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use super::mtop::outcome::Outcome;

/// The real upload server's origin.
pub const UPLOAD_URL: &str = "https://stream-upload.goofish.com";

/// Path and query. `floderId` is the platform's spelling.
const PATH: &str = "/api/upload.api?floderId=0&appkey=xy_chat&_input_charset=utf-8";

/// What is uploaded.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// With an ending that fits; plain ASCII without quotes.
    pub name: String,
    pub mime: &'static str,
    pub bytes: Bytes,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?}, {}, {} bytes)", self.name, self.mime, self.bytes.len())
    }
}

/// A picture that the platform has taken in and that can be sent to a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub url: String,
    /// Width and height in pixels, where the platform says.
    pub size: Option<(u32, u32)>,
}

/// Why an upload gave no picture.
#[derive(Clone, PartialEq, Eq)]
pub enum UploadRefused {
    /// A login page came: the cookies are dead.
    Session,
    /// The platform wants a person. `url` opens the challenge and is a secret.
    Risk { url: Option<String> },
    /// The answer names no picture.
    NoPicture,
}

/// Without the challenge's secret.
impl fmt::Debug for UploadRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "Session",
            Self::Risk { .. } => "Risk",
            Self::NoPicture => "NoPicture",
        })
    }
}

impl Picture {
    /// Reads the answer of the upload server, in its present and its older shapes.
    pub fn read(answer: &[u8]) -> Result<Self, UploadRefused> {
        // What a page or a challenge means is the same here as at the gateway. A challenge has its address where a picture has one.
        match Outcome::read(answer) {
            Outcome::Session => return Err(UploadRefused::Session),
            Outcome::Risk { url } => return Err(UploadRefused::Risk { url }),
            _ => {}
        }
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let url = picture_url(&answer).ok_or(UploadRefused::NoPicture)?;
        Ok(Self { url, size: answer["object"]["pix"].as_str().and_then(size) })
    }
}

/// A `data` that is there and empty is a refusal, whatever stands beside it (vector `upload-data-null`), and so is an address that no
/// phone opens.
fn picture_url(answer: &Value) -> Option<String> {
    let data = match answer.get("data") {
        Some(data) if !data.is_object() => return None,
        Some(data) => data,
        None => &Value::Null,
    };
    let places = [
        (&answer["object"], "url"),
        (data, "url"),
        (answer, "url"),
        (&answer["result"], "url"),
        (data, "fileUrl"),
        (data, "file_url"),
    ];
    let url = places.into_iter().find_map(|(place, field)| place[field].as_str().filter(|url| !url.is_empty()))?;
    (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
}

fn size(pix: &str) -> Option<(u32, u32)> {
    let (width, height) = pix.split_once('x')?;
    let size = (width.trim().parse().ok()?, height.trim().parse().ok()?);
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Of a form's body as much as is handed on at once.
const PART: usize = 64 << 10;

/// A form with one file: its content type, and its body in parts that are not copied. `boundary` must not occur in the file: a random one
/// does not.
fn form(file: &File, boundary: &str) -> (String, Vec<Bytes>) {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
        file.name, file.mime
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let starts = (0..file.bytes.len()).step_by(PART);
    let parts = starts.map(|start| file.bytes.slice(start..file.bytes.len().min(start + PART)));
    let body = std::iter::once(head.into()).chain(parts).chain([tail.into()]).collect();
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_upload_vector_is_read() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/protocol-vectors.json")).unwrap();
        let vectors = vectors["upload_response"].as_array().unwrap();
        assert_eq!(vectors.len(), 9);
        for vector in vectors {
            let picture = Picture::read(vector["response"].as_str().unwrap().as_bytes());
            assert_eq!(picture.ok().map(|picture| picture.url).as_deref(), vector["url"].as_str(), "{}", vector["id"]);
        }
    }

    #[test]
    fn a_picture_has_the_stated_size_or_none() {
        let size = |pix: &str| {
            let answer = format!(r#"{{"object":{{"url":"https://x/1","pix":{pix}}}}}"#);
            Picture::read(answer.as_bytes()).unwrap().size
        };
        assert_eq!(size(r#""960x1280""#), Some((960, 1280)));
        for odd in [r#""big""#, r#""0x5""#, r#""-1x5""#, "null", r#""1x""#] {
            assert_eq!(size(odd), None, "{odd}");
        }
    }

    #[test]
    fn pages_instead_of_an_answer_are_told_apart() {
        let refused = |answer: &str| Picture::read(answer.as_bytes()).unwrap_err();
        assert_eq!(refused("<script src=\"mini-login\">"), UploadRefused::Session);
        assert_eq!(refused("<html>/_____tmd_____/punish?x5secdata=1</html>"), UploadRefused::Risk { url: None });
        let risk = r#"{"ret":["FAIL_SYS_USER_VALIDATE"],"data":{"url":"https://x/punish?secret"}}"#;
        assert_eq!(refused(risk), UploadRefused::Risk { url: Some("https://x/punish?secret".into()) });
        assert_eq!(refused("oops"), UploadRefused::NoPicture);
        assert_eq!(refused(r#"{"url":"javascript:x"}"#), UploadRefused::NoPicture);
    }

    #[test]
    fn a_form_has_one_file_between_its_boundaries() {
        let file = File { name: "a.png".into(), mime: "image/png", bytes: Bytes::from_static(b"\r\n--x") };
        let (kind, body) = form(&file, "BOUND");
        assert_eq!(kind, "multipart/form-data; boundary=BOUND");
        let expected = "--BOUND\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
             Content-Type: image/png\r\n\r\n\r\n--x\r\n--BOUND--\r\n";
        assert_eq!(String::from_utf8(body.concat()).unwrap(), expected);
        let large = File { bytes: vec![7; 2 * PART + 1].into(), ..file };
        let body = form(&large, "BOUND").1;
        assert_eq!((body.len(), body[1].len(), body[3].len()), (5, PART, 1));
    }

    #[test]
    fn a_challenge_never_shows_in_debug_output() {
        let risk = UploadRefused::Risk { url: Some("https://x/punish?topsecret".into()) };
        assert!(!format!("{risk:?}").contains("topsecret"));
    }
}
