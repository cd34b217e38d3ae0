//! What a person may say about an entry, and how one names its successor.

use super::*;

fn entry(reason: Option<&str>) -> Entry {
    Entry {
        account: AccountId(1),
        id: SendId(7),
        conversation: "600001".into(),
        peer: "3300001".into(),
        body: Body::Text { text: "在的".into() },
        state: State::Rejected,
        reason: reason.map(str::to_owned),
        message: None,
        origin: Origin::Rule,
        rule: None,
        delivery: None,
        in_reply_to: None,
        attempts: 1,
        created_at: Timestamp(7),
        sent_at: None,
        settled_at: None,
        expires_at: Timestamp(8),
    }
}

#[test]
fn an_entry_names_the_one_that_was_made_to_send_it_again() {
    for reason in [None, Some("the platform refused"), Some("sent again as soon as possible")] {
        assert_eq!(entry(reason).sent_again_as(), None);
        let again = entry(reason).reason_when_sent_again(SendId(99));
        assert_eq!(entry(Some(&again)).sent_again_as(), Some(SendId(99)), "{again}");
        assert!(again.starts_with(reason.unwrap_or_default()));
    }
}

#[test]
fn a_persons_word_makes_only_changes_that_an_entry_may_make() {
    for word in [PersonsWord::Cancel, PersonsWord::Arrived, PersonsWord::NotArrived] {
        assert!(word.from().may_become(word.to()), "{word:?}");
    }
}
