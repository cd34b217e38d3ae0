//! Encryption at rest: cookies, tokens and addresses of challenges are sealed before they reach the database.
//!
//! XChaCha20-Poly1305 with a random nonce; the place of the value (table, column, row) is authenticated with it, so that a sealed
//! value copied into another row does not open.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Key, KeyInit, Payload},
};
use ring::hmac;
use zeroize::{Zeroize, Zeroizing};

use super::connection::private;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The first byte of every sealed value, so that the way of sealing can change.
const VERSION: u8 = 1;

/// The key of this installation. Cloning is cheap.
#[derive(Clone)]
pub struct Keys(Arc<Master>);

/// What is made of the key; the key itself is kept nowhere else.
struct Master {
    cipher: XChaCha20Poly1305,
    derivation: hmac::Key,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("cannot use the key file {path}: {why}")]
    KeyFile { path: PathBuf, why: String },
    #[error("the key must be {KEY_BYTES} bytes as base64 or hex text")]
    KeyText,
    /// Another key, another place, or damaged data: encryption cannot tell which.
    #[error("cannot open the sealed value {place}: it is damaged or was sealed with another key")]
    Sealed { place: String },
}

impl Keys {
    /// The key in `text` (from the environment) where there is one, else the key file, which is made on the first start.
    pub fn load(text: Option<&str>, file: &Path) -> Result<Self, SecretError> {
        match text {
            Some(text) => Self::from_text(text),
            None => Self::from_file(file),
        }
    }

    /// Reads 32 bytes from base64 or hex.
    pub fn from_text(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let bytes = Zeroizing::new(from_hex(text).or_else(|| BASE64_STANDARD.decode(text).ok()).unwrap_or_default());
        Self::from_bytes(&bytes)
    }

    /// Reads the key file; makes it, readable by its owner alone, where there is none. Rights that are too wide are tightened.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let fault = |why: String| SecretError::KeyFile { path: path.to_owned(), why };
        let text = match read_key(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(path),
            other => other,
        };
        let text = text.map_err(|error| fault(error.to_string()))?;
        Self::from_text(&text).map_err(|error| fault(error.to_string()))
    }

    /// A key that nobody else has: for demonstrations and tests whose database does not outlive them.
    pub fn random() -> Self {
        let mut key = Key::<XChaCha20Poly1305>::generate();
        #[expect(clippy::expect_used, reason = "the key was made for this cipher")]
        let keys = Self::from_bytes(&key).expect("a generated key has the right length");
        key.zeroize();
        keys
    }

    fn from_bytes(key: &[u8]) -> Result<Self, SecretError> {
        let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| SecretError::KeyText)?;
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(Self(Arc::new(Master { cipher, derivation })))
    }

    /// A key for another purpose (`session tokens`): the same after every start, and worthless for finding this one or that of
    /// another purpose.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(hmac::sign(&self.0.derivation, purpose.as_bytes()).as_ref());
        key
    }

    /// Seals `plain` for one place, named like `accounts.cookie:<uid>`.
    pub fn seal(&self, place: &str, plain: impl AsRef<[u8]>) -> Sealed {
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain.as_ref(), aad: place.as_bytes() };
        #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB of plain text")]
        let secret = self.0.cipher.encrypt(&nonce, payload).expect("a short text can be sealed");
        let mut bytes = Vec::with_capacity(1 + NONCE_BYTES + secret.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&secret);
        Sealed(bytes)
    }

    /// Opens what was sealed for the same place with the same key. Fails also where the plain text is not UTF-8.
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<Secret, SecretError> {
        self.open_parts(place, &sealed.0).ok_or_else(|| SecretError::Sealed { place: place.to_owned() })
    }

    fn open_parts(&self, place: &str, bytes: &[u8]) -> Option<Secret> {
        let (&version, rest) = bytes.split_first()?;
        if version != VERSION || rest.len() < NONCE_BYTES {
            return None;
        }
        let (nonce, msg) = rest.split_at(NONCE_BYTES);
        let nonce = XNonce::try_from(nonce).ok()?;
        let plain = self.0.cipher.decrypt(&nonce, Payload { msg, aad: place.as_bytes() }).ok()?;
        String::from_utf8(plain).ok().map(Secret)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[keys]")
    }
}

/// A file that is still empty is being written by another first start: it is given a moment.
fn read_key(path: &Path) -> io::Result<Zeroizing<String>> {
    tighten(path, &File::open(path)?)?;
    for _ in 0..20 {
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        if !text.is_empty() {
            return Ok(text);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"))
}

/// `create_new` lets one of several first starts win; the others read what it wrote.
fn make_key(path: &Path) -> io::Result<Zeroizing<String>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut key = Key::<XChaCha20Poly1305>::generate();
    let text = Zeroizing::new(BASE64_STANDARD.encode(key));
    key.zeroize();
    let mut file = match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return read_key(path),
        other => other?,
    };
    file.write_all(format!("{}\n", text.as_str()).as_bytes())?;
    file.sync_all()?;
    Ok(text)
}

#[cfg(unix)]
fn tighten(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        log::warn!(
            class = "system";
            "the key file {} was readable by others (mode {mode:o}); its rights are tightened to 600",
            path.display()
        );
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn tighten(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    (0..KEY_BYTES).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

/// A value as it is stored: version, nonce, cipher text. Plain text does not fit into a column of this type by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[sealed, {} bytes]", self.0.len())
    }
}

/// A text that must not be seen: forgotten when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: look where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_in_its_place_with_its_key() {
        let keys = Keys::random();
        let sealed = keys.seal("accounts.cookie:1", "unb=1");
        assert_eq!(keys.open("accounts.cookie:1", &sealed).unwrap().expose(), "unb=1");
        assert!(keys.open("accounts.cookie:2", &sealed).is_err());
        assert!(Keys::random().open("accounts.cookie:1", &sealed).is_err());
    }

    #[test]
    fn a_damaged_value_is_an_error_that_names_the_place() {
        let keys = Keys::random();
        let whole = keys.seal("t.c:1", "text");
        for cut in 0..whole.as_bytes().len() {
            let error = keys.open("t.c:1", &Sealed::from_bytes(whole.as_bytes()[..cut].to_vec())).unwrap_err();
            assert!(error.to_string().contains("t.c:1"));
        }
    }

    #[test]
    fn equal_texts_do_not_look_equal_when_sealed() {
        let keys = Keys::random();
        assert_ne!(keys.seal("t.c:1", "text"), keys.seal("t.c:1", "text"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keys = Keys::random();
        let shown = format!("{:?} {:?} {:?}", keys, Secret::new("planted"), keys.seal("t.c:1", "planted"));
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn hex_and_base64_name_the_same_key() {
        let sealed = Keys::from_text(&"0f".repeat(32)).unwrap().seal("p", "x");
        let same = Keys::from_text(&BASE64_STANDARD.encode([0x0f; 32])).unwrap();
        assert!(same.open("p", &sealed).is_ok());
        assert_eq!(Keys::from_text("short").unwrap_err(), SecretError::KeyText);
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/key");
        let sealed = Keys::from_file(&path).unwrap().seal("p", "x");
        assert!(Keys::from_file(&path).unwrap().open("p", &sealed).is_ok());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_key_file_that_others_may_read_is_tightened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Keys::from_file(&path).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        Keys::from_file(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn first_starts_at_the_same_moment_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let start = || Keys::from_file(&path).unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts = [(); 8].map(|()| scope.spawn(start));
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let sealed = keys[0].seal("p", "x");
        assert!(keys.iter().all(|keys| keys.open("p", &sealed).is_ok()));
    }

    #[test]
    fn a_derived_key_has_one_purpose_and_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let load = || Keys::from_file(&path).unwrap();
        let derived = load().derive("session tokens");
        assert_eq!(load().derive("session tokens"), derived);
        assert_ne!(load().derive("forms"), derived);
        assert_ne!(Keys::random().derive("session tokens"), derived);
        let own = Keys::from_text(&BASE64_STANDARD.encode([0x0f; 32])).unwrap();
        assert_ne!(own.derive(""), [0x0f; 32], "never the key itself");
    }

    #[test]
    fn a_corrupt_key_file_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "not a key").unwrap();
        let error = Keys::from_file(&path).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }

    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    }
}
