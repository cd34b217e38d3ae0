//! What follows from what is known.

use super::*;

const NOW: Timestamp = Timestamp(1_760_000_000_000);

/// A paid order of one piece that may be served now.
fn known() -> Known {
    Known {
        standing: Standing::Paid,
        is_fresh: true,
        is_on: true,
        is_stopped: false,
        by_hand: false,
        gives_anyway: false,
        is_blocked: false,
        has_conversation: true,
        units: Vec::new(),
        wanted: Ok(Wanted { units: 1, from: NOW, short: None, can_claim: 1 }),
        planned: 0,
        in_flight: 0,
        unplanned: 0,
        unfetched: 0,
        fetch: Deed::Off,
        free_shipping: Deed::Off,
        ship: Deed::Due(NOW),
        receipt: Deed::Off,
        apology: Deed::Off,
        follow_ups: FollowUps::default(),
    }
}

fn with(units: &[Unit]) -> Known {
    Known { units: units.to_vec(), ..known() }
}

fn step(known: &Known) -> Step {
    next(known, NOW).0
}

#[test]
fn a_paid_order_is_claimed_planned_sent_and_shipped() {
    assert_eq!(step(&known()), Step::Claim(1));
    assert_eq!(step(&Known { unplanned: 1, ..with(&[Unit::Reserved]) }), Step::Plan);
    assert_eq!(step(&Known { planned: 1, ..with(&[Unit::Reserved]) }), Step::Do(Errand::Send));
    assert_eq!(step(&with(&[Unit::Sent])), Step::Rest);
    assert_eq!(step(&with(&[Unit::Confirmed])), Step::Do(Errand::Ship));
    let shipped = Known { ship: Deed::Done, receipt: Deed::Due(NOW), ..with(&[Unit::Confirmed]) };
    assert_eq!(step(&shipped), Step::Say(Saying::Receipt));
    assert_eq!(step(&Known { planned: 1, receipt: Deed::Done, ..shipped.clone() }), Step::Do(Errand::Send));
    assert_eq!(step(&Known { receipt: Deed::Done, ..shipped }), Step::Rest);
}

/// D8: the platform is told that it is shipped after the buyer has everything, never before.
#[test]
fn d8_shipment_is_confirmed_only_when_every_unit_is() {
    for other in [Unit::Reserved, Unit::Sent, Unit::Uncertain, Unit::Rejected, Unit::Cancelled] {
        let two = Known {
            wanted: Ok(Wanted { units: 2, from: NOW, short: None, can_claim: 0 }),
            ..with(&[Unit::Confirmed, other])
        };
        assert_ne!(step(&two), Step::Do(Errand::Ship), "{other:?}");
    }
    let one_of_two = Known {
        wanted: Ok(Wanted { units: 2, from: NOW, short: Some(Reason::OutOfStock), can_claim: 0 }),
        ..with(&[Unit::Confirmed])
    };
    assert_eq!(next(&one_of_two, NOW), (Step::Rest, vec![Reason::OutOfStock]));
}

/// D7: what is there is given, and the rest is not forgotten.
#[test]
fn d7_three_of_five_are_given_and_two_wait_for_a_person() {
    let short =
        Known { wanted: Ok(Wanted { units: 5, from: NOW, short: Some(Reason::OutOfStock), can_claim: 3 }), ..known() };
    assert_eq!(next(&short, NOW), (Step::Claim(3), vec![Reason::OutOfStock]));
}

#[test]
fn nothing_is_claimed_or_sent_unless_the_order_was_read_just_now() {
    for stale in
        [known(), Known { unplanned: 1, ..with(&[Unit::Reserved]) }, Known { planned: 1, ..with(&[Unit::Reserved]) }]
    {
        assert_eq!(step(&Known { is_fresh: false, ..stale }), Step::Do(Errand::Read));
    }
    assert_eq!(step(&Known { is_fresh: false, ..with(&[Unit::Sent]) }), Step::Rest, "nothing is to be sent");
}

#[test]
fn nothing_is_sent_for_an_order_that_is_not_paid() {
    let ready = Known { planned: 1, unplanned: 1, ..with(&[Unit::Reserved]) };
    for standing in [Standing::Unread, Standing::Unpaid, Standing::Bargaining, Standing::Refunding] {
        assert_eq!(step(&Known { standing, ..ready.clone() }), Step::Rest, "{standing:?}");
    }
    assert_eq!(step(&Known { standing: Standing::Ended, ..ready.clone() }), Step::Release);
    assert_eq!(
        next(&Known { standing: Standing::Shipped, ..ready }, NOW),
        (Step::Rest, vec![Reason::ShippedElsewhere])
    );
}

#[test]
fn an_order_that_ended_gives_back_only_what_nobody_can_have_seen() {
    for seen in [Unit::Sent, Unit::Confirmed, Unit::Cancelled] {
        assert_eq!(next(&Known { standing: Standing::Ended, ..with(&[seen]) }, NOW), (Step::Rest, Vec::new()));
    }
    let doubt = Known { standing: Standing::Ended, ..with(&[Unit::Uncertain]) };
    assert_eq!(next(&doubt, NOW), (Step::Rest, vec![Reason::Uncertain]));
}

/// What waits in the outbox may go out any moment: its code is not free before it is known what became of it.
#[test]
fn what_the_outbox_has_is_not_given_back() {
    let queued = Known { standing: Standing::Ended, in_flight: 1, ..with(&[Unit::Reserved]) };
    assert_eq!(step(&queued), Step::Rest);
    assert_eq!(step(&Known { in_flight: 0, ..queued }), Step::Release);
}

#[test]
fn a_stop_switch_a_delay_and_closed_hours_hold_it_back() {
    assert_eq!(step(&Known { is_stopped: true, ..known() }), Step::Wait(NOW + STOPPED));
    assert_eq!(step(&Known { is_stopped: true, ..with(&[Unit::Confirmed]) }), Step::Wait(NOW + STOPPED));
    let later = NOW + Duration::from_secs(600);
    let delayed = Known { wanted: Ok(Wanted { units: 1, from: later, short: None, can_claim: 1 }), ..known() };
    assert_eq!(step(&delayed), Step::Wait(later));
    assert_eq!(step(&Known { planned: 1, units: vec![Unit::Reserved], ..delayed }), Step::Do(Errand::Send));
}

#[test]
fn what_cannot_be_served_waits_for_a_person() {
    let reasons = |known: &Known| next(known, NOW).1;
    assert_eq!(reasons(&Known { wanted: Err(Reason::NoRule), ..known() }), [Reason::NoRule]);
    assert_eq!(reasons(&Known { is_blocked: true, ..known() }), [Reason::BuyerBlocked]);
    assert_eq!(step(&Known { is_blocked: true, ..known() }), Step::Rest);
    assert_eq!(reasons(&with(&[Unit::Uncertain])), [Reason::Uncertain]);
    assert_eq!(reasons(&with(&[Unit::Rejected])), [Reason::Rejected]);
    assert_eq!(reasons(&Known { ship: Deed::Refused, ..with(&[Unit::Confirmed]) }), [Reason::NotShipped]);
    let unknown_place = Known { has_conversation: false, planned: 1, ..with(&[Unit::Reserved]) };
    assert_eq!(step(&unknown_place), Step::Do(Errand::FindConversation));
}

#[test]
fn what_the_sellers_program_does_not_say_waits_and_then_for_a_person() {
    let asked = |fetch| Known { unplanned: 2, unfetched: 1, fetch, ..with(&[Unit::Reserved]) };
    assert_eq!(step(&asked(Deed::Off)), Step::Do(Errand::Fetch));
    let later = NOW + Duration::from_secs(9);
    assert_eq!(step(&asked(Deed::Due(later))), Step::Wait(later));
    assert_eq!(next(&asked(Deed::Refused), NOW), (Step::Rest, vec![Reason::NoContent]));
}

#[test]
fn a_buyer_is_told_once_that_nothing_is_left() {
    let short = Wanted { units: 2, from: NOW, short: Some(Reason::OutOfStock), can_claim: 0 };
    let empty = Known { wanted: Ok(short), apology: Deed::Due(NOW), ..known() };
    assert_eq!(next(&empty, NOW), (Step::Say(Saying::OutOfStock), vec![Reason::OutOfStock]));
    assert_eq!(step(&Known { apology: Deed::Done, ..empty.clone() }), Step::Rest);
    assert_eq!(step(&Known { apology: Deed::Off, ..empty }), Step::Rest);
}

#[test]
fn an_account_that_does_not_deliver_is_left_alone_but_finishes_what_it_began() {
    let off = Known { is_on: false, ..known() };
    assert_eq!(next(&off, NOW), (Step::Rest, Vec::new()));
    assert_eq!(step(&Known { planned: 1, units: vec![Unit::Reserved], ..off }), Step::Do(Errand::Send));
    assert_eq!(next(&Known { by_hand: true, ..known() }, NOW), (Step::Rest, Vec::new()));
}

/// D17: what the platform refused is not as good as done.
#[test]
fn d17_a_bargain_that_is_not_let_through_delivers_nothing() {
    let bargain = |free_shipping| Known { standing: Standing::Bargaining, free_shipping, ..known() };
    assert_eq!(step(&bargain(Deed::Due(NOW))), Step::Do(Errand::FreeShipping));
    assert_eq!(next(&bargain(Deed::Refused), NOW), (Step::Rest, vec![Reason::BargainRefused]));
    assert_eq!(step(&bargain(Deed::Done)), Step::Rest, "the platform has to say that it is paid");
    assert_eq!(step(&bargain(Deed::Off)), Step::Rest);
}

#[test]
fn a_whole_is_as_bad_as_the_worst_of_it() {
    use Unit::{Cancelled, Confirmed, Rejected, Reserved, Sent, Uncertain};
    let table: [(&[Unit], Unit); 11] = [
        (&[], Reserved),
        (&[Confirmed, Confirmed], Confirmed),
        (&[Confirmed, Reserved], Sent),
        (&[Sent, Reserved], Sent),
        (&[Confirmed, Uncertain], Uncertain),
        (&[Confirmed, Rejected], Rejected),
        (&[Rejected, Uncertain], Uncertain),
        (&[Cancelled, Cancelled], Cancelled),
        (&[Cancelled, Reserved], Reserved),
        (&[Cancelled, Confirmed], Confirmed),
        (&[Cancelled, Confirmed, Reserved], Sent),
    ];
    for (pieces, whole) in table {
        assert_eq!(Unit::of(pieces.iter().copied()), whole, "{pieces:?}");
    }
}

/// Not by itself, but where a person said so; and shipped it is already.
#[test]
fn d8_what_was_not_sent_for_a_shipped_order_is_sent_only_where_a_person_said_so() {
    let shipped = Known { standing: Standing::Shipped, unplanned: 1, ..with(&[Unit::Confirmed, Unit::Reserved]) };
    assert_eq!(next(&shipped, NOW), (Step::Rest, vec![Reason::ShippedElsewhere]));
    let asked = Known { gives_anyway: true, ..shipped };
    assert_eq!(step(&asked), Step::Plan);
    assert_eq!(step(&Known { is_fresh: false, ..asked.clone() }), Step::Do(Errand::Read));
    assert_eq!(step(&Known { is_stopped: true, ..asked.clone() }), Step::Wait(NOW + STOPPED));
    assert_eq!(step(&Known { unplanned: 0, planned: 1, ..asked.clone() }), Step::Do(Errand::Send));
    assert_eq!(step(&Known { unplanned: 0, units: vec![Unit::Sent; 2], ..asked.clone() }), Step::Rest);
    assert_eq!(step(&Known { unplanned: 0, units: vec![Unit::Confirmed; 2], ..asked.clone() }), Step::Rest);
    let gone = Known { unplanned: 0, wanted: Err(Reason::CardUnusable), ..asked.clone() };
    assert_eq!(next(&gone, NOW), (Step::Rest, vec![Reason::CardUnusable]));
    let blocked = Known { is_blocked: true, ..asked.clone() };
    assert_eq!(next(&blocked, NOW), (Step::Rest, vec![Reason::BuyerBlocked]));
    for standing in [Standing::Refunding, Standing::Ended] {
        assert_ne!(step(&Known { standing, ..asked.clone() }), Step::Plan, "{standing:?}");
    }
}

/// Also the half of a unit of which the buyer has the other half, and words that nobody needs any more.
#[test]
fn d4_what_was_not_sent_when_the_order_ended_goes_back() {
    let ended = |units: &[Unit]| Known { standing: Standing::Ended, ..with(units) };
    for unsent in [
        ended(&[Unit::Reserved]),
        ended(&[Unit::Confirmed, Unit::Rejected]),
        Known { unplanned: 1, ..ended(&[Unit::Sent]) },
        Known { planned: 1, ..ended(&[Unit::Confirmed]) },
    ] {
        assert_eq!(step(&unsent), Step::Release, "{unsent:?}");
        assert_eq!(step(&Known { in_flight: 1, ..unsent.clone() }), Step::Rest, "it may still go out");
        assert_eq!(step(&Known { by_hand: true, ..unsent }), Step::Rest, "a person may have given it");
    }
    assert_eq!(step(&ended(&[Unit::Confirmed, Unit::Cancelled, Unit::Sent])), Step::Rest);
    assert_eq!(next(&ended(&[Unit::Uncertain]), NOW), (Step::Rest, vec![Reason::Uncertain]));
}
