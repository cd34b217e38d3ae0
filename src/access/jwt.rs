//! Signed tokens of sessions: HS256 and nothing else. A token only names a session; whether that session lives, its row says.

use std::sync::Once;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature,
};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::ids::{Timestamp, UserId};

/// Ours have some 250 bytes; what is longer is not even looked at.
const LONGEST: usize = 4096;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub sub: UserId,
    /// The session.
    pub sid: String,
    /// To the second, as everything in a token.
    pub iat: Timestamp,
    pub exp: Timestamp,
}

/// Why a token is refused. For logs and tests: who sent it learns only that it is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the token is not a well-formed JWT of ours")]
    Malformed,
    #[error("the token is not signed with HS256")]
    Algorithm,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
}

/// Signs and verifies with one key. Algorithm and key are decided here, never by a token's header.
#[derive(Clone)]
pub struct Signer {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Signer {
    pub fn new(key: [u8; 32]) -> Self {
        install_provider();
        let mut validation = Validation::new(Algorithm::HS256);
        // `verify` looks at it itself: the crate would ask the system's clock
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self { signing: EncodingKey::from_secret(&key), verifying: DecodingKey::from_secret(&key), validation }
    }

    pub fn sign(&self, claims: &Claims) -> String {
        let body = Body {
            sub: claims.sub.to_string(),
            sid: claims.sid.clone(),
            iat: claims.iat.0.div_euclid(1000),
            exp: claims.exp.0.div_euclid(1000),
        };
        #[expect(clippy::expect_used, reason = "texts and numbers are always JSON, and the provider below knows HS256")]
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &body, &self.signing).expect("claims can be signed")
    }

    /// The claims of a token that we signed and that has not expired.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        if token.len() > LONGEST {
            return Err(TokenFault::TooLong);
        }
        let body = jsonwebtoken::decode::<Body>(token, &self.verifying, &self.validation).map_err(fault)?.claims;
        let claims = body.claims().ok_or(TokenFault::Malformed)?;
        if claims.exp <= now { Err(TokenFault::Expired) } else { Ok(claims) }
    }
}

/// The claims on the wire: the subject is a text, times are seconds (RFC 7519).
#[derive(Serialize, Deserialize)]
struct Body {
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
}

impl Body {
    fn claims(self) -> Option<Claims> {
        let time = |seconds: i64| seconds.checked_mul(1000).map(Timestamp);
        Some(Claims { sub: UserId(self.sub.parse().ok()?), sid: self.sid, iat: time(self.iat)?, exp: time(self.exp)? })
    }
}

fn fault(error: Error) -> TokenFault {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    }
}

/// HMAC-SHA256 by `ring`, which TLS brings anyway; the crate's own providers bring RSA and curves that nothing here uses.
struct Hs256(hmac::Key);

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: Algorithm, key: &[u8]) -> Result<Box<Hs256>, Error> {
    match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key)))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(hs256(*algorithm, key.as_bytes())?),
    verifier_factory: |algorithm, key| Ok(hs256(*algorithm, key.try_get_as_bytes()?)?),
    key_utils: KeyUtils::new_unimplemented(),
};

/// The crate has one provider a process; the first one stays.
fn install_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // an error says that one is there already: only ours is ever installed
        let _ = PROVIDER.install_default();
    });
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

    use super::*;

    const NOW: Timestamp = Timestamp(1_763_640_000_000);
    const KEY: [u8; 32] = [7; 32];

    fn claims() -> Claims {
        Claims { sub: UserId(3), sid: "session".into(), iat: NOW, exp: Timestamp(NOW.0 + 60_000) }
    }

    /// A token with any header and body, signed with the right key by the algorithm that is given.
    fn forged(header: &str, body: &str, algorithm: hmac::Algorithm, key: &[u8]) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(body));
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(tag.as_ref()))
    }

    const BODY: &str = r#"{"sub":"3","sid":"session","iat":1763640000,"exp":1763640060}"#;

    fn refused(token: &str) -> TokenFault {
        Signer::new(KEY).verify(token, NOW).unwrap_err()
    }

    #[test]
    fn what_was_signed_reads_back_until_it_expires() {
        let signer = Signer::new(KEY);
        let token = signer.sign(&claims());
        assert_eq!(signer.verify(&token, NOW), Ok(claims()));
        assert_eq!(signer.verify(&token, Timestamp(NOW.0 + 59_999)), Ok(claims()));
        assert_eq!(signer.verify(&token, Timestamp(NOW.0 + 60_000)), Err(TokenFault::Expired));
    }

    #[test]
    fn another_key_is_refused() {
        assert_eq!(refused(&Signer::new([8; 32]).sign(&claims())), TokenFault::Signature);
    }

    #[test]
    fn only_hs256_counts_whatever_the_header_says() {
        let ours = forged(r#"{"alg":"HS256","typ":"JWT"}"#, BODY, hmac::HMAC_SHA256, &KEY);
        assert_eq!(Signer::new(KEY).verify(&ours, NOW), Ok(claims()), "the forger works");
        for (name, algorithm) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
            let token = forged(&format!(r#"{{"alg":"{name}"}}"#), BODY, algorithm, &KEY);
            assert_eq!(refused(&token), TokenFault::Algorithm, "{name}");
        }
        for name in ["RS256", "PS256", "ES256", "EdDSA"] {
            let token = forged(&format!(r#"{{"alg":"{name}"}}"#), BODY, hmac::HMAC_SHA256, &KEY);
            assert_eq!(refused(&token), TokenFault::Algorithm, "{name}");
        }
    }

    #[test]
    fn a_token_without_an_algorithm_is_refused_signed_or_not() {
        for name in ["none", "None", "NONE", "", "hs256"] {
            let token = forged(&format!(r#"{{"alg":"{name}"}}"#), BODY, hmac::HMAC_SHA256, &KEY);
            assert_eq!(refused(&token), TokenFault::Malformed, "{name}");
            let (signed, _) = token.rsplit_once('.').unwrap();
            assert!(matches!(refused(&format!("{signed}.")), TokenFault::Malformed), "{name}");
            assert!(matches!(refused(signed), TokenFault::Malformed), "{name}");
        }
    }

    #[test]
    fn a_changed_payload_or_signature_is_refused() {
        let token = Signer::new(KEY).sign(&claims());
        let parts: Vec<_> = token.split('.').collect();
        let other = BASE64.encode(BODY.replace("\"3\"", "\"1\""));
        assert_eq!(refused(&format!("{}.{other}.{}", parts[0], parts[2])), TokenFault::Signature);
        let mut tag = BASE64.decode(parts[2]).unwrap();
        tag[0] ^= 1;
        assert_eq!(refused(&format!("{}.{}.{}", parts[0], parts[1], BASE64.encode(tag))), TokenFault::Signature);
    }

    #[test]
    fn a_token_cut_anywhere_is_refused() {
        let signer = Signer::new(KEY);
        let token = signer.sign(&claims());
        assert!((0..token.len()).all(|length| signer.verify(&token[..length], NOW).is_err()));
    }

    #[test]
    fn a_signed_body_that_is_not_ours_is_refused() {
        let header = r#"{"alg":"HS256"}"#;
        for body in [
            "{}",
            "[]",
            "",
            r#"{"sub":"3","sid":"s","iat":1}"#,
            r#"{"sub":"x","sid":"s","iat":1,"exp":9999999999}"#,
            r#"{"sub":"3","sid":"s","iat":1,"exp":9223372036854775807}"#,
        ] {
            assert_eq!(refused(&forged(header, body, hmac::HMAC_SHA256, &KEY)), TokenFault::Malformed, "{body}");
        }
    }

    #[test]
    fn an_oversized_token_is_refused_unread() {
        let long = Claims { sid: "s".repeat(4096), ..claims() };
        assert_eq!(refused(&Signer::new(KEY).sign(&long)), TokenFault::TooLong);
    }
}
