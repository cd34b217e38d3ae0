//! What is done when, and what is never done.

use super::{
    super::step::{self, Deed, Wanted},
    *,
};

const NOW: Timestamp = Timestamp(1_760_000_000_000);

const STANDINGS: [Standing; 8] = [
    Standing::Unread,
    Standing::Unpaid,
    Standing::Bargaining,
    Standing::Paid,
    Standing::Shipped,
    Standing::Completed,
    Standing::Refunding,
    Standing::Ended,
];

/// An order that its buyer has everything of.
fn known(standing: Standing, follow_ups: FollowUps) -> Known {
    Known {
        standing,
        is_fresh: true,
        is_on: true,
        is_stopped: false,
        by_hand: false,
        gives_anyway: false,
        is_blocked: false,
        has_conversation: true,
        units: vec![Unit::Confirmed],
        wanted: Ok(Wanted { units: 1, from: NOW, short: None, can_claim: 0 }),
        planned: 0,
        in_flight: 0,
        unplanned: 0,
        unfetched: 0,
        fetch: Deed::Off,
        free_shipping: Deed::Off,
        ship: Deed::Done,
        receipt: Deed::Done,
        apology: Deed::Off,
        follow_ups,
    }
}

fn open(what: FollowUp, from: Timestamp, is_begun: bool) -> FollowUps {
    FollowUps { open: vec![Open { what, from, is_begun }], ..FollowUps::default() }
}

fn completed(follow_ups: FollowUps) -> Known {
    known(Standing::Completed, follow_ups)
}

fn shipped(follow_ups: FollowUps) -> Known {
    known(Standing::Shipped, follow_ups)
}

fn unpaid(follow_ups: FollowUps) -> Known {
    Known { units: Vec::new(), ..known(Standing::Unpaid, follow_ups) }
}

fn step(known: &Known) -> Step {
    step::next(known, NOW).0
}

/// Every step that the plan may take, and an order that stands where it may.
fn planned() -> [(Known, Step); 4] {
    [
        (completed(open(FollowUp::Rate, NOW, false)), Step::Do(Errand::FollowUp(FollowUp::Rate))),
        (completed(open(FollowUp::Flower, NOW, false)), Step::Do(Errand::FollowUp(FollowUp::Flower))),
        (unpaid(open(FollowUp::Close, NOW, false)), Step::Do(Errand::FollowUp(FollowUp::Close))),
        (shipped(FollowUps { ask: Some(NOW), ..FollowUps::default() }), Step::Say(Saying::AskConfirmation)),
    ]
}

#[test]
fn each_is_done_when_it_is_due_and_the_order_was_read_just_now() {
    for (known, expected) in planned() {
        assert_eq!(step(&known), expected);
        assert_eq!(step(&Known { is_fresh: false, ..known.clone() }), Step::Do(Errand::Read), "{expected:?}");
        assert_eq!(step(&Known { is_stopped: true, ..known.clone() }), Step::Wait(NOW + STOPPED), "{expected:?}");
        assert_eq!(step(&Known { by_hand: true, ..known }), Step::Rest, "{expected:?}");
    }
}

#[test]
fn nothing_is_done_before_its_time_and_the_soonest_is_waited_for() {
    let soon = NOW + MINUTE;
    let both = [(FollowUp::Rate, soon + DAY), (FollowUp::Flower, soon)];
    let open = both.map(|(what, from)| Open { what, from, is_begun: false }).to_vec();
    assert_eq!(step(&completed(FollowUps { open, ..FollowUps::default() })), Step::Wait(soon));
    assert_eq!(step(&shipped(FollowUps { ask: Some(soon), ..FollowUps::default() })), Step::Wait(soon));
    assert_eq!(step(&completed(FollowUps::default())), Step::Rest);
}

/// A bought order, a bargain, an order that is paid: none is closed, and none changes its price.
#[test]
fn only_what_is_unpaid_and_no_bargain_is_closed_or_repriced() {
    for what in [FollowUp::Close, FollowUp::Price] {
        for standing in STANDINGS {
            let expected = match standing {
                Standing::Unpaid => May::Now,
                Standing::Unread => May::Later,
                _ => May::Never,
            };
            assert_eq!(what.may(standing), expected, "{what:?} {standing:?}");
        }
        let mut paid = known(Standing::Paid, open(what, NOW, true));
        assert_eq!(step(&paid), Step::GiveUp(what), "a person hears that it cannot be done");
        paid.follow_ups.open[0].is_begun = false;
        assert_eq!(step(&paid), Step::Rest);
    }
}

/// What is to be delivered goes first.
#[test]
fn a_delivery_is_not_held_up() {
    let paid = known(Standing::Paid, open(FollowUp::Close, NOW, true));
    let wanted = Ok(Wanted { units: 2, from: NOW, short: None, can_claim: 1 });
    assert_eq!(step(&Known { wanted, ..paid }), Step::Claim(1));
}

#[test]
fn buyers_are_rated_only_when_the_deal_is_done() {
    for what in [FollowUp::Rate, FollowUp::Flower] {
        for standing in STANDINGS {
            let expected = match standing {
                Standing::Completed => May::Now,
                Standing::Ended => May::Never,
                _ => May::Later,
            };
            assert_eq!(what.may(standing), expected, "{what:?} {standing:?}");
        }
        let blocked = Known { is_blocked: true, ..completed(open(what, NOW, false)) };
        assert_eq!(step(&blocked), Step::Rest);
        let wanted = Known { is_blocked: true, by_hand: true, ..completed(open(what, NOW, true)) };
        assert_eq!(step(&wanted), Step::Do(Errand::FollowUp(what)), "a person wants it");
    }
}

#[test]
fn nobody_is_asked_to_confirm_who_may_lack_something() {
    let due = shipped(FollowUps { ask: Some(NOW), ..FollowUps::default() });
    for unit in Unit::ALL {
        let expected = if unit == Unit::Confirmed { Step::Say(Saying::AskConfirmation) } else { Step::Rest };
        assert_eq!(step(&Known { units: vec![Unit::Confirmed, unit], ..due.clone() }), expected, "{unit:?}");
    }
    let by_a_person = Known { units: Vec::new(), ..due.clone() };
    assert_eq!(step(&by_a_person), Step::Say(Saying::AskConfirmation));
    assert_eq!(step(&Known { is_blocked: true, ..due.clone() }), Step::Rest);
    assert_eq!(step(&Known { has_conversation: false, ..due.clone() }), Step::Do(Errand::FindConversation));
    for standing in [Standing::Completed, Standing::Refunding, Standing::Paid] {
        assert_eq!(step(&Known { standing, ..due.clone() }), Step::Rest, "{standing:?}");
    }
}

/// Between the question and its way out the order may have moved on.
#[test]
fn a_question_that_is_prepared_goes_out_only_while_it_makes_sense() {
    let asking = FollowUps { is_asking: true, ..FollowUps::default() };
    let ready = Known { planned: 1, ..shipped(asking.clone()) };
    assert_eq!(step(&ready), Step::Do(Errand::Send));
    assert_eq!(step(&Known { units: Vec::new(), ..ready.clone() }), Step::Do(Errand::Send));
    assert_eq!(step(&Known { is_fresh: false, ..ready.clone() }), Step::Do(Errand::Read));
    assert_eq!(step(&Known { is_stopped: true, ..ready.clone() }), Step::Wait(NOW + STOPPED));
    let unsaid = Step::Unsay(Saying::AskConfirmation);
    assert_eq!(step(&Known { is_blocked: true, ..ready.clone() }), unsaid);
    assert_eq!(step(&Known { units: vec![Unit::Uncertain], ..ready }), unsaid);
    for standing in [Standing::Completed, Standing::Refunding, Standing::Ended] {
        assert_eq!(step(&Known { planned: 1, ..known(standing, asking.clone()) }), unsaid, "{standing:?}");
    }
}

#[test]
fn an_item_whose_stock_ran_out_goes_off_the_sale_wherever_the_order_stands() {
    for standing in STANDINGS {
        let due = Known { is_fresh: false, ..known(standing, open(FollowUp::OffSale, NOW, true)) };
        let mut stocked = due.clone();
        stocked.follow_ups.is_stocked = true;
        assert_eq!(step(&due), Step::Do(Errand::FollowUp(FollowUp::OffSale)), "{standing:?}");
        assert_eq!(step(&stocked), Step::GiveUp(FollowUp::OffSale), "{standing:?}");
        assert_eq!(step(&Known { is_stopped: true, ..due }), Step::Wait(NOW + STOPPED), "{standing:?}");
    }
}

#[test]
fn a_plan_wants_nothing_until_it_is_set_and_no_rating_of_old_deals() {
    let order = Moments { placed_at: NOW, shipped_at: Some(NOW), completed_at: Some(NOW) };
    let off = Plan::default();
    assert!(FollowUp::ALL.into_iter().all(|what| off.wants(what, &order, NOW).is_none()));
    assert_eq!(off.asks(&order), None);
    let on = Plan { rate: true, rate_delay_m: 30, flower: true, ask: true, close: true, ..off };
    let wants = FollowUp::ALL.map(|what| on.wants(what, &order, NOW));
    assert_eq!(wants, [Some(NOW + 30 * MINUTE), Some(NOW), Some(NOW + 60 * MINUTE), None, None]);
    assert_eq!(on.asks(&order), Some(NOW + 3 * DAY));
    let later = NOW + RECENT + MINUTE;
    assert_eq!(on.wants(FollowUp::Rate, &order, later), None);
    assert_eq!(on.wants(FollowUp::Flower, &order, later), None);
    let early = Moments { shipped_at: None, completed_at: None, ..order };
    assert_eq!((on.wants(FollowUp::Rate, &early, NOW), on.asks(&early)), (None, None));
}

#[test]
fn an_order_is_always_rated_with_the_same_words_and_orders_with_different_ones() {
    let texts: Vec<String> = ["好", "很好", "非常好"].map(String::from).to_vec();
    let plan = Plan { rate_texts: texts.clone(), ..Plan::default() };
    let of = |order: i64| plan.words(FollowUp::Rate, &format!("{order}").into());
    let said: Vec<_> = (0..60).map(|order| of(2_500_000_000_000_000_000 + order)).collect();
    let again: Vec<_> = (0..60).map(|order| of(2_500_000_000_000_000_000 + order)).collect();
    assert_eq!(said, again);
    assert!(texts.iter().all(|text| said.contains(&Some(text.clone()))));
    assert_eq!(Plan { rate_texts: Vec::new(), ..plan.clone() }.words(FollowUp::Rate, &"1".into()), None);
    assert_eq!(plan.words(FollowUp::Close, &"1".into()), Some(plan.close_reason.clone()));
}
