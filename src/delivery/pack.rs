//! Puts what an order gets into few messages.

use super::card::around;

/// Characters that one message may have: what the platform's clients allow to be typed.
pub const LONGEST: usize = 2000;

/// What one card gives an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift<P> {
    /// The text around what is given.
    pub description: String,
    pub given: Given<P>,
}

/// What is given, and which parts of the order it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given<P> {
    /// The same for every part: it is said once.
    Text(String, Vec<P>),
    /// One for each part, such as codes.
    Codes(Vec<(P, String)>),
    /// Addresses of pictures, each shown once; what the card says besides stands before them.
    Pictures(Vec<String>, Vec<P>),
}

/// One message, and the parts that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel<P> {
    pub body: ParcelBody,
    pub parts: Vec<P>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParcelBody {
    Text(String),
    Picture(String),
}

/// The messages, in the order they are to be sent. A code is never cut unless it alone is longer than a message.
pub fn pack<P: Clone>(gifts: Vec<Gift<P>>) -> Vec<Parcel<P>> {
    let mut parcels = Vec::new();
    for Gift { description, given } in gifts {
        match given {
            Given::Text(text, parts) => say(&around(&description, &text), &parts, &mut parcels),
            Given::Codes(codes) => say_codes(&description, codes, &mut parcels),
            Given::Pictures(urls, parts) => {
                let said = around(&description, "");
                if !said.trim().is_empty() {
                    say(said.trim(), &parts, &mut parcels);
                }
                parcels.extend(
                    urls.into_iter().map(|url| Parcel { body: ParcelBody::Picture(url), parts: parts.clone() }),
                );
            }
        }
    }
    parcels
}

fn say_codes<P: Clone>(description: &str, codes: Vec<(P, String)>, parcels: &mut Vec<Parcel<P>>) {
    let mut together: Vec<(P, String)> = Vec::new();
    let said = |codes: &[(P, String)]| {
        let lines: Vec<&str> = codes.iter().map(|(_, code)| code.as_str()).collect();
        around(description, &lines.join("\n"))
    };
    let close = |codes: &mut Vec<(P, String)>, parcels: &mut Vec<Parcel<P>>| {
        if !codes.is_empty() {
            let parts: Vec<P> = codes.iter().map(|(part, _)| part.clone()).collect();
            say(&said(codes), &parts, parcels);
            codes.clear();
        }
    };
    for code in codes {
        together.push(code);
        if length(&said(&together)) > LONGEST && together.len() > 1 {
            let last = together.pop();
            close(&mut together, parcels);
            together.extend(last);
        }
    }
    close(&mut together, parcels);
}

/// In as many messages as it needs.
fn say<P: Clone>(text: &str, parts: &[P], parcels: &mut Vec<Parcel<P>>) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(LONGEST).map_or(rest.len(), |(end, _)| end);
        // At the end of a line, where one is not far.
        let line = rest[..end].rfind('\n').filter(|at| end < rest.len() && *at > end / 2);
        let (said, after) = rest.split_at(line.unwrap_or(end));
        parcels.push(Parcel { body: ParcelBody::Text(said.to_owned()), parts: parts.to_vec() });
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parcels: &[Parcel<u32>]) -> Vec<&str> {
        let text = |parcel: &Parcel<u32>| match &parcel.body {
            ParcelBody::Text(text) | ParcelBody::Picture(text) => text.clone(),
        };
        parcels.iter().map(|parcel| text(parcel).leak() as &str).collect()
    }

    fn codes(description: &str, codes: &[&str]) -> Vec<Parcel<u32>> {
        let codes = codes.iter().zip(1..).map(|(code, part)| (part, (*code).to_owned())).collect();
        pack(vec![Gift { description: description.into(), given: Given::Codes(codes) }])
    }

    #[test]
    fn many_codes_are_one_message_with_one_text_around() {
        let parcels = codes("卡密：\n{DELIVERY_CONTENT}\n请尽快使用", &["A-1", "B-2", "C-3"]);
        assert_eq!(texts(&parcels), ["卡密：\nA-1\nB-2\nC-3\n请尽快使用"]);
        assert_eq!(parcels[0].parts, [1, 2, 3]);
    }

    #[test]
    fn more_than_a_message_holds_is_several_and_no_code_is_cut() {
        let long: Vec<String> = (0..7).map(|code| format!("{code}{}", "x".repeat(599))).collect();
        let parcels = codes("", &long.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            parcels.iter().map(|parcel| parcel.parts.clone()).collect::<Vec<_>>(),
            [vec![1, 2, 3], vec![4, 5, 6], vec![7]]
        );
        assert!(texts(&parcels).iter().all(|text| length(text) <= LONGEST));
    }

    #[test]
    fn a_code_that_is_longer_than_a_message_is_carried_by_all_of_its_messages() {
        let code = "码".repeat(4500);
        let parcels = codes("", &["A-1", &code]);
        assert_eq!(
            parcels.iter().map(|parcel| parcel.parts.clone()).collect::<Vec<_>>(),
            [vec![1], vec![2], vec![2], vec![2]]
        );
        assert_eq!(texts(&parcels)[1..].concat(), code);
    }

    #[test]
    fn a_text_is_said_once_for_all_parts_and_pictures_follow_their_text() {
        let text = Gift { description: String::new(), given: Given::Text("教程：……".into(), vec![1, 2]) };
        let pictures = Gift {
            description: "二维码如下".into(),
            given: Given::Pictures(vec!["https://x/1.png".into(), "https://x/2.png".into()], vec![1, 2]),
        };
        let parcels = pack(vec![text, pictures]);
        assert_eq!(texts(&parcels), ["教程：……", "二维码如下", "https://x/1.png", "https://x/2.png"]);
        assert!(parcels.iter().all(|parcel| parcel.parts == [1, 2]));
    }
}
