//! Codes sent by e-mail: six digits, for one address and one purpose, for ten minutes and five tries.

use std::time::Duration;

use ring::hmac;

/// S7: one in 200,000 is guessed with these.
pub const MAX_TRIES: u8 = 5;
pub const LIFE: Duration = Duration::from_mins(10);

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Register,
    Login,
    /// A new password in place of a forgotten one.
    Reset,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Reset => "reset",
        }
    }
}

/// S31: a code from numbers of the operating system (`random` is asked again where a number would make some codes likelier).
pub fn code(mut random: impl FnMut() -> u32) -> String {
    const CODES: u32 = 1_000_000;
    const FAIR: u32 = u32::MAX / CODES * CODES;
    loop {
        let number = random();
        if number < FAIR {
            return format!("{:06}", number % CODES);
        }
    }
}

/// What is stored of a code. Keyed, since a million codes are hashed in no time, and good for this address and purpose alone.
pub fn hash(key: &[u8; 32], email: &str, purpose: Purpose, code: &str) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [purpose.as_str(), email, code] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S31: every code is as likely as any other, and nothing but the number that was drawn decides it.
    #[test]
    fn s31_a_code_is_six_digits_without_a_bias() {
        let drawn = |numbers: &[u32]| {
            let mut numbers = numbers.iter().copied();
            code(|| numbers.next().unwrap_or_default())
        };
        assert_eq!(drawn(&[0]), "000000");
        assert_eq!(drawn(&[1_234_567_890]), "567890");
        assert_eq!(drawn(&[4_293_999_999]), "999999");
        assert_eq!(drawn(&[4_294_000_000, u32::MAX, 42]), "000042", "the last, incomplete million is drawn again");
    }

    /// S7: a code that was sent for one thing is good for nothing else.
    #[test]
    fn s7_a_code_is_bound_to_address_and_purpose() {
        let right = hash(&[1; 32], "a@example.com", Purpose::Login, "123456");
        assert_eq!(right, hash(&[1; 32], "a@example.com", Purpose::Login, "123456"));
        let others = [
            hash(&[2; 32], "a@example.com", Purpose::Login, "123456"),
            hash(&[1; 32], "b@example.com", Purpose::Login, "123456"),
            hash(&[1; 32], "a@example.com", Purpose::Register, "123456"),
            hash(&[1; 32], "a@example.com", Purpose::Reset, "123456"),
            hash(&[1; 32], "a@example.com", Purpose::Login, "123457"),
            hash(&[1; 32], "a@example.com1", Purpose::Login, "23456"),
        ];
        assert!(others.iter().all(|other| *other != right));
    }
}
