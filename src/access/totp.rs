//! The second factor: codes of six digits that change every 30 s (RFC 6238, HMAC-SHA1, what every phone app knows).

use ring::hmac;

use super::token::same;
use crate::ids::Timestamp;

/// In milliseconds.
const STEP: i64 = 30_000;
/// How many steps a phone's clock may be off, to either side.
const WINDOW: i64 = 1;
const DIGITS: usize = 6;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// 160 random bits as a phone wants them: base32.
pub fn secret(random: [u8; 20]) -> String {
    base32(&random)
}

/// The step whose code this is, if it is one of now, of the step before or after, and of a later step than the last that was taken: a
/// code is good once. Store the step with `store::users::use_totp_step`, which decides between two who come at the same moment.
pub fn verify(secret: &str, code: &str, now: Timestamp, last_step: Option<i64>) -> Option<i64> {
    let key = key(secret)?;
    let step = now.0.div_euclid(STEP);
    let fresh = (step - WINDOW..=step + WINDOW).filter(|step| last_step.is_none_or(|last| *step > last));
    // every step is computed: the time must not say which one it was
    fresh.fold(
        None,
        |found, step| if same(code_of(&key, step).as_bytes(), code.as_bytes()) { Some(step) } else { found },
    )
}

/// What a phone reads from the picture.
pub fn otpauth_url(issuer: &str, name: &str, secret: &str) -> String {
    let (issuer, name) = (percent(issuer), percent(name));
    format!("otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period=30")
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = from_base32(secret).filter(|bytes| !bytes.is_empty())?;
    Some(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes))
}

fn code_of(key: &hmac::Key, step: i64) -> String {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let from = usize::from(tag[tag.len() - 1] & 0x0f);
    let bits = tag[from..from + 4].iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (bits & 0x7fff_ffff) % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let letter = |first: usize| char::from(ALPHABET[(first..first + 5).fold(0, |bits, at| bits << 1 | bit(at))]);
    (0..bytes.len() * 8).step_by(5).map(letter).collect()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> =
        text.bytes().map(|letter| ALPHABET.iter().position(|known| *known == letter)).collect();
    let digits = digits?;
    let bit = |at: usize| u8::from(digits[at / 5] >> (4 - at % 5) & 1 == 1);
    let byte = |first: usize| (first..first + 8).fold(0, |bits, at| bits << 1 | bit(at));
    Some((0..digits.len() * 5 / 8).map(|at| byte(at * 8)).collect())
}

/// A blank is `%20` here: some phones show a plus sign as it is.
fn percent(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The RFC's secret, `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_vectors_of_rfc_6238_are_met() {
        assert_eq!(secret(*b"12345678901234567890"), SECRET);
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(code_of(&key(SECRET).unwrap(), seconds / 30), code);
            assert_eq!(verify(SECRET, code, Timestamp(seconds * 1000), None), Some(seconds / 30));
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off() {
        let code = code_of(&key(SECRET).unwrap(), 100);
        let taken = |step: i64| verify(SECRET, &code, Timestamp(step * STEP), None);
        assert_eq!([98, 99, 100, 101, 102].map(taken), [None, Some(100), Some(100), Some(100), None]);
    }

    #[test]
    fn a_code_is_good_once() {
        let code = code_of(&key(SECRET).unwrap(), 100);
        let taken = |last| verify(SECRET, &code, Timestamp(100 * STEP), last);
        assert_eq!([Some(99), Some(100), Some(101)].map(taken), [Some(100), None, None]);
    }

    #[test]
    fn what_is_no_code_or_no_secret_is_refused() {
        let now = Timestamp(100 * STEP);
        for code in ["", "1", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(verify(SECRET, code, now, None), None, "{code}");
        }
        for secret in ["", "0189", "gezd"] {
            assert_eq!(verify(secret, "123456", now, None), None, "{secret}");
        }
    }

    #[test]
    fn base32_reads_back_at_every_length() {
        for length in 0..=20 {
            let bytes: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(37)).collect();
            assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn a_phone_reads_the_address() {
        assert_eq!(
            otpauth_url("鱼塘", "li si:a", SECRET),
            format!(
                "otpauth://totp/%E9%B1%BC%E5%A1%98:li%20si%3Aa?secret={SECRET}&issuer=%E9%B1%BC%E5%A1%98&algorithm=SHA1&digits=6&period=30"
            )
        );
    }
}
