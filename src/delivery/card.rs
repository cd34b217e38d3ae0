//! What a card is, and the text around what it gives.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where the description of a card wants what is given.
pub const PLACE: &str = "{DELIVERY_CONTENT}";

/// So many pictures one card gives.
pub const MOST_IMAGES: usize = 9;
/// So many cards one combination is made of.
pub const MOST_PARTS: usize = 20;
/// So long a server of the seller's may take, in seconds.
pub const LONGEST_CALL_S: u32 = 60;
/// So often a server that failed is asked again.
pub const MOST_RETRIES: u32 = 5;

/// The ways in which a card gives something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CardKind)]
pub enum Kind {
    /// The same text for everybody.
    Text,
    /// One piece of stock for each.
    Pool,
    /// One picture or several.
    Image,
    /// What a server of the seller's answers.
    Api,
    /// What other cards give, one after the other.
    Combination,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Text, Self::Pool, Self::Image, Self::Api, Self::Combination];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Pool => "pool",
            Self::Image => "image",
            Self::Api => "api",
            Self::Combination => "combination",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("unknown kind of card {text:?}"))
    }
}

/// What a card keeps, by its kind. As JSON it is what is sealed. A pool keeps its units elsewhere, a combination its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Content {
    Text {
        text: String,
    },
    /// Each an address in the web, or as `picture:` and the number of one that the seller uploaded.
    Image {
        images: Vec<String>,
    },
    Api(ApiCall),
}

impl Content {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text { .. } => Kind::Text,
            Self::Image { .. } => Kind::Image,
            Self::Api(_) => Kind::Api,
        }
    }
}

/// How a server of the seller's is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiCall {
    pub url: String,
    pub method: Method,
    pub headers: Vec<Header>,
    /// The query of a `GET`, the JSON of a `POST`. Placeholders stand in its values.
    pub params: Map<String, Value>,
    /// Where in the JSON of the answer the content is, as `data.code` or `codes.0`; `None`: where it usually is.
    pub response_path: Option<String>,
    pub timeout_s: u32,
    /// How often it is asked again after it failed.
    pub retries: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = CardMethod)]
pub enum Method {
    Get,
    Post,
}

/// A line of the request's head. Its value may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// What is said: the description with what is given in its place, or before it where it names no place. What is given is never searched for
/// places: a code may look like one.
pub fn around(description: &str, content: &str) -> String {
    if description.contains(PLACE) {
        description.replace(PLACE, content)
    } else if description.trim().is_empty() {
        content.to_owned()
    } else {
        format!("{description}\n\n{content}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_stands_where_the_description_wants_it() {
        let table = [
            ("", "CODE", "CODE"),
            (" \n", "CODE", "CODE"),
            ("Thanks!", "CODE", "Thanks!\n\nCODE"),
            ("Code: {DELIVERY_CONTENT}.", "CODE", "Code: CODE."),
            ("{DELIVERY_CONTENT} again {DELIVERY_CONTENT}", "CODE", "CODE again CODE"),
            ("{delivery_content} {", "CODE", "{delivery_content} {\n\nCODE"),
        ];
        for (description, content, said) in table {
            assert_eq!(around(description, content), said, "{description:?}");
        }
    }

    #[test]
    fn a_code_that_looks_like_a_place_is_said_as_it_is() {
        assert_eq!(around("<{DELIVERY_CONTENT}>", "{DELIVERY_CONTENT}{0}"), "<{DELIVERY_CONTENT}{0}>");
    }

    #[test]
    fn every_kind_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.as_str().into()));
        }
        assert!("data".parse::<Kind>().is_err());
    }

    #[test]
    fn what_a_card_keeps_reads_back_and_says_its_kind() {
        let call = ApiCall {
            url: "https://shop.example/code".to_owned(),
            method: Method::Post,
            headers: vec![Header { name: "X-Key".to_owned(), value: "k".to_owned() }],
            params: Map::from_iter([("order".to_owned(), "{order_id}".into())]),
            response_path: Some("data.code".to_owned()),
            timeout_s: 10,
            retries: 3,
        };
        let image = Content::Image { images: vec!["https://pic.example/1.png".to_owned()] };
        for content in [Content::Text { text: "三年".to_owned() }, image, Content::Api(call)] {
            let json = serde_json::to_value(&content).unwrap_or_default();
            assert_eq!(json["kind"], content.kind().as_str());
            assert_eq!(serde_json::from_value::<Content>(json).ok(), Some(content));
        }
    }
}
