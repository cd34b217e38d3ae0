//! What our letters say, in Chinese and English.

use std::time::Duration;

/// Plain text to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// A bare address: `name@example.com`.
    pub to: String,
    pub subject: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Chinese,
    English,
}

impl Language {
    /// What is in this language.
    pub fn pick<T>(self, chinese: T, english: T) -> T {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}

/// The code with which an address is registered.
pub fn register_code(language: Language, to: &str, code: &str, life: Duration) -> Letter {
    let (subject, purpose) = match language {
        Language::Chinese => ("鱼塘注册验证码", "您正在注册鱼塘账号。"),
        Language::English => {
            ("Your code to register with Yutang", "Somebody registers a user of Yutang with this address.")
        }
    };
    code_letter(language, to, subject, purpose, code, life)
}

/// The code that opens a session in place of a password.
pub fn login_code(language: Language, to: &str, code: &str, life: Duration) -> Letter {
    let (subject, purpose) = match language {
        Language::Chinese => ("鱼塘登录验证码", "您正在登录鱼塘。"),
        Language::English => ("Your code to log in to Yutang", "Somebody logs in to Yutang with this address."),
    };
    code_letter(language, to, subject, purpose, code, life)
}

/// The code with which a forgotten password is replaced.
pub fn reset_code(language: Language, to: &str, code: &str, life: Duration) -> Letter {
    let (subject, purpose) = match language {
        Language::Chinese => ("鱼塘重置密码验证码", "您正在为鱼塘设置新密码。"),
        Language::English => (
            "Your code for a new Yutang password",
            "Somebody sets a new password for the user of Yutang with this address.",
        ),
    };
    code_letter(language, to, subject, purpose, code, life)
}

/// Shows the administrator that the settings work.
pub fn trial(language: Language, to: &str) -> Letter {
    let (subject, text) = match language {
        Language::Chinese => ("鱼塘测试邮件", "收到这封邮件，说明邮件服务器设置正确。\n"),
        Language::English => ("A letter from Yutang", "This letter arrived: the mail server is set up.\n"),
    };
    Letter { to: to.to_owned(), subject: subject.to_owned(), text: text.to_owned() }
}

/// The code stands in the text alone: subjects are shown on locked screens.
fn code_letter(language: Language, to: &str, subject: &str, purpose: &str, code: &str, life: Duration) -> Letter {
    let minutes = life.as_secs().div_ceil(60);
    let text = match language {
        Language::Chinese => format!(
            "{purpose}\n\n验证码：{code}\n\n{minutes} 分钟内有效，只能使用一次。请勿告诉任何人。\n如果不是您本人操作，请忽略这封邮件。\n"
        ),
        Language::English => format!(
            "{purpose}\n\nThe code: {code}\n\nIt is good for {minutes} minutes, and once. Tell nobody.\nIf it was not you, ignore this letter.\n"
        ),
    };
    Letter { to: to.to_owned(), subject: subject.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_mins(10);

    #[test]
    fn a_letter_says_the_code_and_how_long_it_is_good_in_its_language() {
        let english = login_code(Language::English, "a@example.com", "042042", LIFE);
        assert!(english.text.contains("The code: 042042") && english.text.contains("10 minutes"));
        let chinese = register_code(Language::Chinese, "a@example.com", "042042", LIFE);
        assert!(chinese.text.contains("验证码：042042") && chinese.text.contains("10 分钟"));
        for other in [login_code, reset_code] {
            assert_ne!(chinese.text, other(Language::Chinese, "a@example.com", "042042", LIFE).text);
        }
    }

    #[test]
    fn no_subject_shows_a_code() {
        for letter in [register_code, login_code, reset_code] {
            for language in [Language::Chinese, Language::English] {
                assert!(!letter(language, "a@example.com", "042042", LIFE).subject.contains("042042"));
            }
        }
    }
}
