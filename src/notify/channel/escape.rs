//! How a foreign text stays a text in each dialect.

/// HTML, as Telegram reads it.
pub(super) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Markdown: every sign that could mean something is quoted. A line feed becomes a break.
pub(super) fn markdown(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '.' | '!' | '|' | '~'
            | '>' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            '<' => quoted.push_str("&lt;"),
            '&' => quoted.push_str("&amp;"),
            '\n' => quoted.push_str("\n\n"),
            other => quoted.push(other),
        }
    }
    quoted
}

/// As much of a text as fits into so many bytes, with a sign that it was cut.
pub(super) fn fit(text: &str, bytes: usize) -> String {
    const CUT: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}

/// The value of a query's field.
pub(super) fn query(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(html("<b>&amp;</b>"), "&lt;b&gt;&amp;amp;&lt;/b&gt;");
        assert_eq!(markdown("[x](http://a) *b*\n# c <i>"), "\\[x\\]\\(http://a\\) \\*b\\*\n\n\\# c &lt;i\\>");
        assert_eq!(query("a+/=鱼"), "a%2B%2F%3D%E9%B1%BC");
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(fit("鱼塘", 6), "鱼塘");
        assert_eq!(fit("鱼塘鱼塘", 8), "鱼…");
        assert_eq!(fit("abc", 2), "…".to_owned());
    }
}
