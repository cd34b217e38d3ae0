//! Which passwords are accepted, and how they are kept: argon2id, salted, slow on purpose. Hashing takes some 50 ms of a processor:
//! never on a thread that runs futures.

use std::{collections::HashSet, sync::LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Ident, PasswordHash},
    },
};

/// In characters. Long enough that guessing over the network is hopeless, whatever the letters are.
pub const SHORTEST: usize = 10;
/// In bytes. Hashing more only helps who wants to keep the server busy.
pub const LONGEST: usize = 1024;

/// Names shorter than this, in characters, stand in too many words.
const SHORTEST_NAME: usize = 3;
/// A piece that is written again and again, in characters.
const LONGEST_PIECE: usize = 4;

/// 36 MiB, two passes: measured at 53 ms a hash (release build, two cores of a virtual machine); the least that is recommended (19 MiB) takes 14.
const PARAMS: Params = match Params::new(MEMORY, PASSES, 1, None) {
    Ok(params) => params,
    Err(_) => panic!("the parameters are within argon2's limits"),
};
/// In KiB.
const MEMORY: u32 = 36_864;
const PASSES: u32 = 2;

/// What to verify against where nobody has the name: takes as long as for a name that exists. Belongs to no password.
pub const DUMMY: &str =
    "$argon2id$v=19$m=36864,t=2,p=1$KvvNsPHXuR5ekK6gjdDn6Q$iQePCoeO8uywEie+fYwqnJsiHH8VYPKrheJ2Mlzejfk";

/// Passwords that many people have, in lower case: those of at least ten characters of the list of 20,000 that Royce Williams made for
/// Django, and habits of Chinese keyboards (我爱你一生一世 and its numbers, a family name with a row of digits, 我的密码).
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Words that are no better for digits and marks around them.
const WORDS: [&str; 16] = [
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "passwd",
    "mima",
    "wodemima",
    "admin",
    "administrator",
    "root",
    "qwerty",
    "letmein",
    "welcome",
    "iloveyou",
    "woaini",
    "yutang",
];

/// Ways along a keyboard and an alphabet; each is also walked backwards, and begins again at its end.
const ROWS: [&str; 8] = [
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "!@#$%^&*()",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
];

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    #[error("the password is too short: it needs at least {SHORTEST} characters")]
    TooShort,
    #[error("the password is too long: at most {LONGEST} bytes")]
    TooLong,
    #[error("the password is one that many people use: it would be guessed first")]
    Common,
    #[error("the password repeats the same few characters")]
    Repeated,
    #[error("the password is a walk along the keyboard or the alphabet")]
    Sequence,
    #[error("the password is made of digits only")]
    DigitsOnly,
    #[error("the password contains the user's name or e-mail address")]
    ContainsName,
}

impl PasswordFault {
    /// Stable, for programs and translations.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Common => "password_common",
            Self::Repeated => "password_repeated",
            Self::Sequence => "password_sequence",
            Self::DigitsOnly => "password_digits_only",
            Self::ContainsName => "password_contains_name",
        }
    }
}

/// Whether this user may have this password.
pub fn check(password: &str, name: &str, email: Option<&str>) -> Result<(), PasswordFault> {
    if password.len() > LONGEST {
        return Err(PasswordFault::TooLong);
    }
    if password.chars().count() < SHORTEST {
        return Err(PasswordFault::TooShort);
    }
    let lower = password.to_lowercase();
    let faults = [
        (is_repeated(&lower), PasswordFault::Repeated),
        (is_common(&lower), PasswordFault::Common),
        (is_sequence(&lower), PasswordFault::Sequence),
        (lower.chars().all(char::is_numeric), PasswordFault::DigitsOnly),
        (contains_name(&lower, name, email), PasswordFault::ContainsName),
    ];
    faults.into_iter().find(|(is, _)| *is).map_or(Ok(()), |(_, fault)| Err(fault))
}

fn is_repeated(lower: &str) -> bool {
    let letters: Vec<char> = lower.chars().collect();
    (1..=LONGEST_PIECE).any(|piece| letters.iter().skip(piece).zip(&letters).all(|(later, earlier)| later == earlier))
}

fn is_common(lower: &str) -> bool {
    let bare = lower.trim_matches(|letter: char| !letter.is_alphanumeric());
    let word = lower.trim_matches(|letter: char| !letter.is_alphabetic());
    COMMON.contains(lower) || COMMON.contains(bare) || WORDS.contains(&word)
}

fn is_sequence(lower: &str) -> bool {
    let walked = |row: &str| row.repeat(lower.len() / row.len() + 2).contains(lower);
    ROWS.iter().any(|row| walked(row) || walked(&row.chars().rev().collect::<String>()))
}

fn contains_name(lower: &str, name: &str, email: Option<&str>) -> bool {
    let mailbox = email.and_then(|email| email.split('@').next());
    let names = [Some(name), mailbox].into_iter().flatten().map(str::to_lowercase);
    names.filter(|name| name.chars().count() >= SHORTEST_NAME).any(|name| lower.contains(&name))
}

/// S2: argon2id in PHC text, with everything that is needed to verify it. The salt is 16 random bytes.
#[expect(
    clippy::expect_used,
    reason = "fails only for parameters, salts and outputs of other sizes, which are fixed here"
)]
pub fn hash(password: &str, salt: &[u8; 16]) -> String {
    let hash: PasswordHash = argon2().hash_password_with_salt(password.as_bytes(), salt).expect("sizes are fixed");
    hash.to_string()
}

/// Whether `phc` is the hash of this password. A text that is no hash belongs to no password, nor does a password beyond the limit:
/// hashing it would be somebody else's way to keep the server busy.
pub fn verify(password: &str, phc: &str) -> bool {
    let is_right = |hash| argon2().verify_password(password.as_bytes(), &hash).is_ok();
    password.len() <= LONGEST && PasswordHash::new(phc).is_ok_and(is_right)
}

/// Whether a hash was made with other parameters than today's: hash again when its password is at hand.
pub fn needs_rehash(phc: &str) -> bool {
    let is_current = |hash: PasswordHash| {
        let id = Ident::new("argon2id").is_ok_and(|id| id == hash.algorithm);
        id && Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (PARAMS.m_cost(), PARAMS.t_cost(), PARAMS.p_cost())
        })
    };
    !PasswordHash::new(phc).is_ok_and(is_current)
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SALT: [u8; 16] = *b"0123456789abcdef";

    fn fault(password: &str) -> Option<PasswordFault> {
        check(password, "alice", Some("shop.one@example.com")).err()
    }

    /// S2: salted, slow, and compared in constant time by argon2 itself.
    #[test]
    fn s2_a_password_is_kept_as_salted_argon2id() {
        let phc = hash("correct horse", &SALT);
        assert!(phc.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p=1$")), "{phc}");
        assert_ne!(phc, hash("correct horse", b"fedcba9876543210"), "the salt counts");
        assert!(verify("correct horse", &phc));
        assert!(!verify("correct horsf", &phc));
    }

    #[test]
    fn what_is_no_hash_belongs_to_no_password() {
        for phc in
            ["", "plain text", "$argon2id$v=19$m=1", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"]
        {
            assert!(!verify("password", phc), "{phc}");
            assert!(needs_rehash(phc), "{phc}");
        }
    }

    #[test]
    fn a_hash_of_other_parameters_is_verified_and_made_again() {
        let weak: PasswordHash =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap())
                .hash_password_with_salt(b"correct horse", &SALT)
                .unwrap();
        assert!(verify("correct horse", &weak.to_string()) && needs_rehash(&weak.to_string()));
        assert!(!needs_rehash(&hash("correct horse", &SALT)));
    }

    #[test]
    fn the_dummy_costs_as_much_as_a_real_hash_and_belongs_to_nobody() {
        assert!(!needs_rehash(DUMMY));
        assert!(!verify("", DUMMY) && !verify("password", DUMMY));
    }

    #[test]
    fn length_is_counted_in_characters_below_and_bytes_above() {
        assert_eq!(fault("123456789"), Some(PasswordFault::TooShort));
        assert_eq!(fault("密码很长吗也不一定"), Some(PasswordFault::TooShort));
        assert_eq!(fault("这个密码确实有十个字"), None);
        assert_eq!(fault(&"long words ".repeat(100)[..1024]), None);
        assert_eq!(fault(&"long words ".repeat(100)[..1025]), Some(PasswordFault::TooLong));
        assert!(!verify(&"x".repeat(1025), DUMMY));
    }

    #[test]
    fn common_passwords_are_refused_whatever_their_case_and_ornament() {
        assert!(COMMON.len() >= 1_000);
        assert!(COMMON.iter().all(|word| word.len() >= SHORTEST && *word == word.to_lowercase()));
        for password in [
            "woaini1314520",
            "WoAiNi5201314",
            "wang123456",
            "qq123456789",
            "password123",
            "Password123!",
            "P@ssw0rd2024!!",
            "admin@123456",
            "1q2w3e4r5t",
            "!!basketball1!!",
            "yutang2026",
        ] {
            assert_eq!(fault(password), Some(PasswordFault::Common), "{password}");
        }
    }

    #[test]
    fn repetitions_walks_and_plain_numbers_are_refused() {
        for password in ["aaaaaaaaaa", "1212121212", "abcabcabcab", "密码密码密码密码密码"] {
            assert_eq!(fault(password), Some(PasswordFault::Repeated), "{password}");
        }
        for password in
            ["9876543210987", "lkjhgfdsapoi", "cdefghijklmnop", "!@#$%^&*()!@", "2wsx3edc4rfv", "8901234567890"]
        {
            assert_eq!(fault(password), Some(PasswordFault::Sequence), "{password}");
        }
        for password in ["13912345679", "198806153312", "２０２６１１２６０００"] {
            assert_eq!(fault(password), Some(PasswordFault::DigitsOnly), "{password}");
        }
    }

    #[test]
    fn ones_own_name_and_mailbox_are_refused() {
        for password in ["Alice-and-more", "my shop.one words"] {
            assert_eq!(fault(password), Some(PasswordFault::ContainsName), "{password}");
        }
        assert_eq!(check("a longer phrase", "a", None), Ok(()), "a short name stands in many words");
    }

    #[test]
    fn a_phrase_is_a_good_password() {
        for password in ["correct horse", "three odd ducks", "x9!Lq-72mVwp", "鱼塘里有三条大鲤鱼啊"] {
            assert_eq!(fault(password), None, "{password}");
        }
    }
}
