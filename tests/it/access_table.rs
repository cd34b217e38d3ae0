//! Every route, asked by everybody, about their own things, others' things, and things that are not there. The rows are checked against
//! the server's own table of routes: a new route without a row fails.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use awc::http::Method;
use serde_json::{Value, json};
use yutang::{
    access::{
        role::{Right, Role},
        token::{self, Access as TokenReach},
    },
    ai::intent::Intent,
    delivery::{
        card::{Content as CardContent, Kind as CardKind},
        review::Reason,
        rule::{Quantity, Target},
        unit::UnitState,
    },
    ids::{AccountId, CardId, ChallengeId, NoticeId, OrderId, Timestamp, TokenId, UserId},
    notify::{
        channel::{Config, Kind},
        event::{Event, Language as NoticeLanguage},
        notice::Subject,
    },
    order::status::Cause,
    outbox::entry::{Body, Entry, Origin, SendId, State},
    picture::redraw,
    platform::mtop::order::{OrderDetail, SoldOrder, TradeState},
    reply::{
        case::{Expects, Script, Step, USUAL_PAUSE, What},
        rule::{Action, Matching, RuleBody, Trigger},
    },
    settings::Settings,
    sheet::write_workbook,
    store::{
        Page, Scope, Secret,
        accounts::{self, NewAccount},
        api_tokens::{self, NewToken},
        audit,
        audit::Actor,
        blocked_buyers::{self, Blocked},
        buyer_notes,
        cards::{self, NewCard},
        challenges,
        chat_messages::{self, NewMessage, Source},
        conversations::{self, ConversationRow, Side},
        delivery_rules::{self, Draft},
        delivery_settings::{self, DeliverySettings},
        items,
        notices::{self, Opening},
        notify_channels::{self, NewChannel},
        notify_deliveries, orders, outbox, pictures,
        quick_phrases::{self, Asker, NewPhrase, Reach},
        reviews,
        rule_cases::{self, CaseBody},
        rule_versions, rules,
        sessions::{self, Session},
        suggestions::{self, NewSuggestion},
        units::{self, Duplicates, Sealer},
        users,
    },
    telemetry::{
        clock,
        logging::{self, LogQuery, Visible},
    },
    web::{ROUTES, gate::Access},
};

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::TestApp,
    pictures::png,
};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Viewer,
    Operator,
    Owner,
    Admin,
    ReadToken,
    WriteToken,
}

const EVERYBODY: [Who; 7] =
    [Who::Nobody, Who::Viewer, Who::Operator, Who::Owner, Who::Admin, Who::ReadToken, Who::WriteToken];

impl Who {
    /// What the table of routes says about this one, said a second time: role and token, and nothing of the gate's code.
    fn may(self, access: Access) -> bool {
        match access {
            Access::Open | Access::Door => true,
            Access::Person => !matches!(self, Self::Nobody | Self::ReadToken | Self::WriteToken),
            Access::Live(right) => self.may(Access::Right(right)),
            Access::Right(Right::Read) => self != Self::Nobody,
            Access::Right(Right::Answer) => !matches!(self, Self::Nobody | Self::Viewer | Self::ReadToken),
            Access::Right(Right::Manage) => matches!(self, Self::Owner | Self::Admin | Self::WriteToken),
            Access::Right(Right::Administer) => self == Self::Admin,
            Access::InPerson(right) | Access::Page(right) => self.may(Access::Person) && self.may(Access::Right(right)),
        }
    }
}

/// Whose thing is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Of the seller, in an account that the operator and the viewer were given.
    Own,
    /// Of the seller, in an account that they were not given.
    Unchosen,
    /// Of another owner.
    Foreign,
    Unknown,
}

/// How a route is asked.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// The address, with a fresh thing behind it where the route has an id.
    address: fn(&World, Who, Whose) -> String,
    pub(crate) body: fn(&World) -> Option<Value>,
    /// What it answers about an own thing.
    good: &'static [u16],
    /// Things of it belong to persons, not to accounts.
    personal: bool,
}

pub(crate) struct World {
    pub(crate) app: TestApp,
    seller: Scope,
    rival: Scope,
    chosen: AccountId,
    unchosen: AccountId,
    foreign: AccountId,
    next: Cell<i64>,
    /// A card of the seller's that rules may give.
    card: Cell<i64>,
    /// An item of the chosen account.
    ticked: RefCell<String>,
    users: Vec<(Who, UserId)>,
    /// What no answer may show, or not a second time, and no line of the log.
    secrets: RefCell<Vec<String>>,
}

impl World {
    fn number(&self) -> i64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    fn keep_secret(&self, text: &Value) {
        self.secrets.borrow_mut().extend(text.as_str().map(str::to_owned));
    }

    #[track_caller]
    fn check_secrets(&self, what: &str, text: &str) {
        for secret in &*self.secrets.borrow() {
            assert!(!text.contains(secret.as_str()), "{what} shows {secret}: {text}");
        }
    }

    /// How many lines the audit has.
    fn audit_lines(&self) -> i64 {
        self.app.read(|conn| audit::list(conn, &audit::Filter::default(), Page::first(1))).1
    }

    fn place(&self, whose: Whose) -> (Scope, AccountId) {
        match whose {
            Whose::Own | Whose::Unknown => (self.seller, self.chosen),
            Whose::Unchosen => (self.seller, self.unchosen),
            Whose::Foreign => (self.rival, self.foreign),
        }
    }

    fn user(&self, who: Who) -> UserId {
        self.users.iter().find(|(known, _)| *known == who).map_or(self.seller.user(), |(_, user)| *user)
    }

    fn uid(&self) -> String {
        format!("22099{:08}", self.number())
    }

    /// An account of its own, so that it may be deleted.
    fn account(&self, whose: Whose) -> String {
        let id = match whose {
            Whose::Unknown => return "999999".to_owned(),
            // These three are what people are given or not given.
            Whose::Unchosen => self.unchosen,
            Whose::Own => self.chosen,
            Whose::Foreign => self.foreign,
        };
        id.to_string()
    }

    fn spare_account(&self, who: Who, whose: Whose) -> String {
        if !matches!(whose, Whose::Own | Whose::Unchosen) || !matches!(who, Who::Owner | Who::WriteToken) {
            return self.account(whose);
        }
        let (uid, keys, owner) = (self.uid(), self.app.store().keys().clone(), self.seller.user());
        let cookie = Secret::new(format!("unb={uid}; cookie2=x"));
        let new = [NewAccount { name: format!("spare-{uid}"), uid: uid.into(), cookie, enabled: Some(false) }];
        let saved = self.app.write(move |conn| accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1)));
        saved.unwrap()[0].0.to_string()
    }

    fn event_rule(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let new = RuleBody {
            account: Some(account),
            items: vec![format!("9{:011}", self.number()).into()],
            trigger: Trigger::OrderPaid,
            matching: Matching::Default,
            ..RuleBody::default()
        };
        self.app
            .write(move |conn| rules::insert(conn, &scope, &new, &Actor::system(), Timestamp(1)))
            .unwrap()
            .to_string()
    }

    /// A version of the account's own rules.
    fn version(&self, whose: Whose) -> String {
        let account = self.account(whose);
        self.event_rule(whose);
        let (scope, set) = (self.place(whose).0, account.parse().map(AccountId).unwrap());
        let first = Page::first(1);
        let (versions, _) = self.app.read(move |conn| rule_versions::page(conn, &scope, Some(set), first));
        format!("{account}/{}", versions.first().map_or(1, |version| version.number))
    }

    fn rule(&self, whose: Whose, matching: Matching) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let keyword = if matching == Matching::Default { String::new() } else { format!("k{}", self.number()) };
        let new = RuleBody {
            account: Some(account),
            items: vec![format!("9{:011}", self.number()).into()],
            matching,
            keyword,
            actions: vec![Action::Text("好".into())],
            ..RuleBody::default()
        };
        self.app
            .write(move |conn| rules::insert(conn, &scope, &new, &Actor::system(), Timestamp(1)))
            .unwrap()
            .to_string()
    }

    /// Something that the account sells.
    fn item(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return format!("{account}/404");
        }
        let item = format!("9{:011}", self.number());
        let id = item.clone();
        self.app.write(move |conn| {
            let seller = accounts::get(conn, &scope, account)?.uid;
            let (title, fetched_at) = (String::new(), Timestamp(1));
            items::put(conn, &items::ItemRow { account, item: id.into(), seller, title, fetched_at })
        });
        format!("{account}/{item}")
    }

    /// A picture of its owner's. It belongs to no account: who sees one account of an owner sees their pictures.
    fn picture(&self, who: Who, whose: Whose) -> String {
        let (scope, _) = self.place(whose);
        let hidden = whose == Whose::Unchosen && matches!(who, Who::Viewer | Who::Operator);
        if whose == Whose::Unknown || hidden {
            return "0a".repeat(32);
        }
        let picture = redraw(&self.png()).unwrap();
        let id = picture.id.to_string();
        self.app.write(move |conn| pictures::keep(conn, &scope, &picture, Timestamp(1)));
        id
    }

    /// A picture that nobody has seen.
    fn png(&self) -> Vec<u8> {
        let [.., red, green, blue] = self.number().to_be_bytes();
        png(2, 2, [red, green, blue])
    }

    fn block(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let buyer = self.uid();
        let new = Blocked {
            account: Some(account),
            buyer: buyer.clone().into(),
            note: String::new(),
            created_at: Timestamp(1),
        };
        let made = self.app.write(move |conn| {
            blocked_buyers::insert(conn, &scope, &new)?;
            blocked_buyers::find(conn, &scope, Some(account), &buyer.into())
        });
        made.unwrap().id.to_string()
    }

    /// Somebody of whom an entry among the blocked is all that is stored.
    fn buyer(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        let buyer = self.uid();
        if whose != Whose::Unknown {
            let new = Blocked {
                account: Some(account),
                buyer: buyer.clone().into(),
                note: String::new(),
                created_at: Timestamp(1),
            };
            assert!(self.app.write(move |conn| blocked_buyers::insert(conn, &scope, &new)));
        }
        buyer
    }

    /// Somebody who wrote.
    fn peer(&self, whose: Whose) -> String {
        let (_, account) = self.place(whose);
        let buyer = self.uid();
        if whose != Whose::Unknown {
            let row = ConversationRow {
                account,
                conversation: format!("6{}", self.number()).into(),
                peer: Some(buyer.clone().into()),
                peer_name: None,
                item: None,
                item_title: None,
                side: Side::Seller,
                paused_until: None,
                created_at: Timestamp(1),
            };
            self.app.write(move |conn| conversations::upsert_many(conn, &[row]));
        }
        buyer
    }

    /// A note about somebody who wrote.
    fn note(&self, whose: Whose) -> String {
        let ((scope, _), buyer) = (self.place(whose), self.peer(whose));
        if whose == Whose::Unknown {
            return format!("{buyer}/999999");
        }
        let about = buyer.clone().into();
        let note =
            self.app.write(move |conn| buyer_notes::insert(conn, &scope, &about, "x", (None, "seller"), Timestamp(1)));
        format!("{buyer}/{}", note.unwrap().id)
    }

    /// A phrase of all who see the account.
    fn phrase(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let (title, text) = ("t".to_owned(), "x".to_owned());
        let new = NewPhrase { reach: Reach::Account(account), title, text, position: 0 };
        let asker = Asker { scope, user: scope.user() };
        let made = self.app.write(move |conn| quick_phrases::insert(conn, &asker, &new, Timestamp(1)));
        made.unwrap().id.to_string()
    }

    /// Does not block: what others publish passes.
    fn case(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let what = What::Says(vec!["在吗".to_owned()]);
        let expects = Expects { silent: Some(true), ..Expects::default() };
        let step = Step { after_s: USUAL_PAUSE, what: Some(what), expects: Some(expects) };
        let script = Script { steps: vec![step], ..Script::default() };
        let new = CaseBody { name: format!("case-{}", self.uid()), script, blocks: false };
        let made = self.app.write(move |conn| rule_cases::insert(conn, &scope, account, &new, Timestamp(1)));
        made.unwrap().id.to_string()
    }

    fn conversation(&self, whose: Whose) -> String {
        let (_, account) = self.place(whose);
        if whose == Whose::Unknown {
            return format!("{account}.404");
        }
        let id = format!("6{}", self.number());
        let conversation = id.clone();
        self.app.write(move |conn| conversations::set_pause(conn, account, &conversation.into(), None, Timestamp(1)));
        format!("{account}.{id}")
    }

    fn message(&self, whose: Whose) -> String {
        let (_, account) = self.place(whose);
        if whose == Whose::Unknown {
            return format!("{account}.404.PNM");
        }
        let id = format!("{}.PNM", self.number());
        let message = NewMessage {
            account,
            message: id.clone().into(),
            conversation: "60001".into(),
            sender: "2200000000777".into(),
            sender_name: None,
            content_type: 1,
            text: "在吗".into(),
            item: None,
            sent_at: Timestamp(1),
            received_at: Timestamp(1),
            source: Source::Push,
            decision: Some("silent"),
            reason: Some("no_rule".into()),
            decided_at: Some(Timestamp(1)),
            needs_person: false,
        };
        self.app.write(move |conn| chat_messages::insert_new(conn, &[message]));
        format!("{account}.{id}")
    }

    /// An answer of the AI that waits for a person.
    fn suggestion(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let conversation = format!("6{}", self.number());
        let new = NewSuggestion {
            account,
            conversation: conversation.clone().into(),
            message: "1.PNM".into(),
            state: suggestions::State::Pending,
            intent: Intent::Default,
            text: "在的".into(),
            is_round: true,
            created_at: Timestamp(1),
        };
        let filter = suggestions::Filter { conversation: Some(conversation.into()), ..suggestions::Filter::default() };
        let made = self.app.write(move |conn| {
            suggestions::insert_many(conn, std::slice::from_ref(&new))?;
            suggestions::page(conn, &scope, &filter, Page::first(1))
        });
        made.0[0].id.to_string()
    }

    fn entry(&self, whose: Whose, state: State) -> String {
        let (_, account) = self.place(whose);
        if whose == Whose::Unknown {
            return format!("{account}.404");
        }
        let id = SendId(1_700_000_000_000 + self.number());
        let entry = Entry {
            account,
            id,
            conversation: "60001".into(),
            peer: "2200000000777".into(),
            body: Body::Text { text: "好".into() },
            state,
            reason: None,
            message: None,
            origin: Origin::Person,
            rule: None,
            delivery: None,
            in_reply_to: None,
            attempts: 1,
            created_at: Timestamp(id.0),
            sent_at: Some(Timestamp(id.0)),
            settled_at: Some(Timestamp(id.0)),
            expires_at: Timestamp(id.0),
        };
        self.app.write(move |conn| outbox::insert_many(conn, &[entry]));
        format!("{account}.{}", id.0)
    }

    /// A channel of an owner, who is all that it belongs to.
    fn channel(&self, whose: Whose) -> String {
        let (scope, _) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let given = json!({"webhook_url": "http://127.0.0.1:1/PLANTED-in-the-path", "secret": "PLANTED-secret"});
        let new = NewChannel {
            name: format!("hook-{}", self.number()),
            config: Config::read(Kind::Webhook, given.as_object().unwrap()).unwrap(),
            enabled: true,
            language: NoticeLanguage::Zh,
            quiet_hours: None,
        };
        let keys = self.app.store().keys().clone();
        self.app
            .write(move |conn| {
                // There is a bound on how many an owner has.
                for channel in notify_channels::list(conn, &scope)? {
                    notify_channels::delete(conn, &scope, channel.id)?;
                }
                notify_channels::insert(conn, &keys, &scope, &new, Timestamp(1))
            })
            .unwrap()
            .to_string()
    }

    /// Something that was told, of an account.
    fn notice(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let opening = Opening {
            owner: scope.user(),
            account: Some(account),
            buyer: None,
            event: Event::DeliveryFailed,
            severity: Event::DeliveryFailed.severity(),
            key: format!("order:{}", self.number()),
            subject: Subject::default(),
        };
        let row = self.app.write(move |conn| {
            notices::open(conn, &opening, Timestamp(1))?;
            let row = notices::live(conn)?.into_iter().find(|row| row.key == opening.key).unwrap();
            notices::advance(conn, row.id, Duration::ZERO, Timestamp(1))?;
            Ok(row)
        });
        row.id.to_string()
    }

    /// A message to a channel that could not be sent.
    fn dead_delivery(&self, whose: Whose) -> String {
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let (scope, _) = self.place(whose);
        self.channel(whose);
        let notice = NoticeId(self.notice(whose).parse().unwrap());
        let found = self.app.write(move |conn| {
            let (delivery, _) = notify_deliveries::list(conn, &scope, notice)?.remove(0);
            notify_deliveries::mark_failed(conn, &[delivery.id], "HTTP 404", None)?;
            Ok(delivery.id)
        });
        found.to_string()
    }

    /// Somebody who works for the seller, or for another owner.
    fn employee(&self, whose: Whose) -> String {
        let employer = match whose {
            Whose::Own | Whose::Unchosen => self.seller.user(),
            Whose::Foreign => self.rival.user(),
            Whose::Unknown => return "999999".to_owned(),
        };
        self.app.employ(&format!("helper-{}", self.number()), Role::Viewer, Some(employer), &[]).to_string()
    }

    /// To an administrator nobody who is there is foreign.
    fn anyone(&self, whose: Whose) -> String {
        self.employee(if whose == Whose::Foreign { Whose::Unknown } else { whose })
    }

    /// What deliveries of this owner give.
    fn gift(&self, scope: Scope) -> CardId {
        let new = NewCard {
            content: Some(CardContent::Text { text: "PLANTED-GIFT".into() }),
            ..NewCard::new(format!("gift-{}", self.number()), CardKind::Text)
        };
        let keys = self.app.store().keys().clone();
        self.app.write(move |conn| cards::insert(conn, &keys, &scope, &new, Timestamp(1))).unwrap()
    }

    fn delivery_rule(&self, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let draft = Draft {
            account: Some(account),
            target: Target::Item(format!("9{:011}", self.number()).into()),
            spec: None,
            priority: 0,
            enabled: true,
            quantity: Quantity::Piece,
            delay_s: 0,
            per_day: None,
            hours: None,
            cards: vec![self.gift(scope)],
            note: String::new(),
        };
        self.app.write(move |conn| delivery_rules::insert(conn, &scope, &draft, Timestamp(1))).to_string()
    }

    /// An order that is paid, of an account that delivers.
    fn order(&self, whose: Whose) -> String {
        self.order_that_is(TradeState::Paid, whose)
    }

    fn order_that_is(&self, state: TradeState, whose: Whose) -> String {
        let (scope, account) = self.place(whose);
        if whose == Whose::Unknown {
            return format!("{account}.404");
        }
        let order = OrderId::from(format!("25{:017}", self.number()));
        let (item, buyer) = (format!("9{:011}", self.number()), self.uid());
        let sold = SoldOrder {
            order: order.clone(),
            item: item.as_str().into(),
            buyer: buyer.as_str().into(),
            buyer_name: None,
            state: Some(state),
            in_refund: false,
            quantity: None,
            amount: None,
            is_bargain: false,
            placed_at: None,
        };
        let detail = OrderDetail {
            order: order.clone(),
            item: item.into(),
            buyer: buyer.into(),
            state: Some(state),
            quantity: 1,
            spec: Vec::new(),
            price: None,
            amount: None,
            address: None,
            placed_at: None,
        };
        let keys = self.app.store().keys().clone();
        self.app.write(move |conn| {
            let own = accounts::get(conn, &scope, account)?.uid;
            orders::note_listed(conn, account, &[sold], Timestamp(1))?;
            orders::read(conn, &keys, account, &own, &detail, Cause::Person, Timestamp(1))?;
            let settings = DeliverySettings { enabled: true, ..DeliverySettings::unset(account) };
            delivery_settings::put(conn, &scope, &settings)
        });
        format!("{account}.{order}")
    }

    /// An order that waits for a person.
    fn review(&self, whose: Whose) -> String {
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let ((scope, account), order) = (self.place(whose), self.order(whose));
        let order = OrderId::from(order.split_once('.').unwrap().1);
        let filter = reviews::Filter { order: Some(order.clone()), ..reviews::Filter::default() };
        let (waiting, _) = self.app.write(move |conn| {
            reviews::open(conn, account, &order, Reason::NoRule, None, Timestamp(1))?;
            reviews::page(conn, &scope, &filter, Page::first(1))
        });
        waiting[0].id.to_string()
    }

    /// A challenge of the platform that waits for a person.
    fn challenge(&self, whose: Whose) -> String {
        let id = ChallengeId::of(rand::random());
        if whose == Whose::Unknown {
            return id.to_string();
        }
        let account = self.place(whose).1;
        let url = self.app.store().keys().seal(&challenges::url_place(account), "https://planted.example/punish");
        let new = challenges::New { id, account, url, expires_at: Timestamp::NEVER };
        self.app.write(move |conn| challenges::open(conn, &new, clock::unix())).to_string()
    }

    /// A pool of its owner's, who is all that it belongs to.
    fn card(&self, whose: Whose) -> String {
        let (scope, _) = self.place(whose);
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let new = NewCard::new(format!("codes-{}", self.number()), CardKind::Pool);
        let keys = self.app.store().keys().clone();
        self.app.write(move |conn| cards::insert(conn, &keys, &scope, &new, Timestamp(1))).unwrap().to_string()
    }

    /// A piece of stock that went this way.
    fn unit(&self, whose: Whose, way: &'static [UnitState]) -> String {
        if whose == Whose::Unknown {
            return "999999".to_owned();
        }
        let ((scope, _), card) = (self.place(whose), CardId(self.card(whose).parse().unwrap()));
        let claim = format!("claim-{}", self.number());
        let new = Sealer::new(self.app.store().keys(), scope.user(), card).seal(&format!("PLANTED-{claim}"));
        let unit = self.app.write(move |conn| {
            units::import(conn, &scope, card, vec![new], Duplicates::Skip, Timestamp(1))?;
            if way.is_empty() {
                return Ok(units::page(conn, &scope, card, units::Filter::default(), Page::first(1))?.0.remove(0));
            }
            let unit = units::reserve(conn, card, &claim, Timestamp(1))?.unwrap();
            assert!(way.iter().all(|to| units::advance(conn, unit.id, &claim, *to, Timestamp(1)).unwrap()));
            Ok(unit)
        });
        unit.id.to_string()
    }

    fn token(&self, who: Who, whose: Whose) -> String {
        let user = match whose {
            Whose::Own => self.user(who),
            Whose::Unchosen | Whose::Foreign => self.rival.user(),
            Whose::Unknown => return "999999".to_owned(),
        };
        put_token(&self.app, user, TokenReach::Read).1.to_string()
    }

    fn session(&self, who: Who, whose: Whose) -> String {
        let user = match whose {
            Whose::Own => self.user(who),
            Whose::Unchosen | Whose::Foreign => self.rival.user(),
            Whose::Unknown => return "no-such-session".to_owned(),
        };
        let session = Session {
            id: format!("session-{}", self.number()),
            user,
            created_at: Timestamp(1),
            seen_at: Timestamp(1),
            expires_at: Timestamp::NEVER,
            ends_at: Timestamp::NEVER,
            address: "127.0.0.1".into(),
            agent: String::new(),
        };
        let id = session.id.clone();
        self.app.write(move |conn| sessions::insert(conn, &session));
        id
    }
}

macro_rules! row {
    ($method:literal $path:literal $good:expr) => {
        row!($method $path $good, |_, _, _| $path.to_owned(), |_| None)
    };
    ($method:literal $path:literal $good:expr, $address:expr) => {
        row!($method $path $good, $address, |_| None)
    };
    ($method:literal $path:literal $good:expr, $address:expr, $body:expr) => {
        Row { method: $method, path: $path, address: $address, body: $body, good: &$good, personal: false }
    };
}

pub(crate) fn rows() -> Vec<Row> {
    const PLAIN: fn(&World, Who, Whose) -> String = |_, _, _| String::new();
    let mut rows = vec![
        row!("GET" "/health" [200, 503]),
        row!("GET" "/livez" [200]),
        row!("GET" "/readyz" [200, 503]),
        // no token is set in these tests
        row!("GET" "/metrics" [404]),
        row!("GET" "/" [303]),
        row!("GET" "/sign-in" [200]),
        row!("POST" "/sign-in" [401], PLAIN, |world| {
            Some(json!({"username": format!("nobody-{}", world.number()), "password": "wrong"}))
        }),
        row!("GET" "/register" [403]),
        row!("POST" "/register" [403], PLAIN, |_| {
            Some(json!({"username": "x", "email": "x@example.com", "verification_code": "123456", "password": PASSWORD, "repeat": PASSWORD}))
        }),
        row!("GET" "/forgotten" [200]),
        row!("POST" "/forgotten" [422], PLAIN, |_| {
            Some(json!({"email": "x@example.com", "verification_code": "123456", "new_password": PASSWORD, "repeat": PASSWORD}))
        }),
        row!("GET" "/static/{path:.*}" [404], |_, _, _| "no/such/file.css".to_owned()),
        row!("GET" "/app" [200]),
        row!("GET" "/app/welcome" [200]),
        row!("GET" "/app/accounts" [200]),
        row!("GET" "/app/chats" [200]),
        row!("GET" "/app/chats/{id}" [200], |world, _, whose| world.conversation(whose)),
        row!("GET" "/app/phrases" [200]),
        row!("GET" "/app/orders" [200]),
        row!("GET" "/app/orders/{id}" [200], |world, _, whose| world.order(whose)),
        row!("GET" "/app/reviews" [200]),
        row!("GET" "/app/items" [200]),
        row!("GET" "/app/items/{account}/{item}" [200], |world, _, whose| world.item(whose)),
        row!("GET" "/app/sales" [200]),
        row!("GET" "/app/rules" [200]),
        row!("GET" "/app/rules/new" [200]),
        row!("GET" "/app/rules/{id}" [200], |world, _, whose| world.rule(whose, Matching::Contains)),
        row!("GET" "/app/sandbox" [200]),
        row!("GET" "/app/ai" [200]),
        row!("GET" "/app/cards" [200]),
        row!("GET" "/app/cards/new" [200]),
        row!("GET" "/app/cards/{id}" [200], |world, _, whose| world.card(whose)),
        row!("GET" "/app/delivery" [200]),
        row!("GET" "/app/delivery/new" [200]),
        row!("GET" "/app/delivery/accounts" [200]),
        row!("GET" "/app/delivery/accounts/{id}" [200], |world, _, whose| world.account(whose)),
        row!("GET" "/app/delivery/{id}" [200], |world, _, whose| world.delivery_rule(whose)),
        row!("GET" "/app/notices" [200]),
        row!("GET" "/app/notices/channels" [200]),
        row!("GET" "/app/notices/channels/new" [200]),
        row!("GET" "/app/notices/channels/{id}" [200], |world, _, whose| world.channel(whose)),
        row!("GET" "/app/challenges" [200]),
        row!("GET" "/app/logs" [200]),
        row!("GET" "/app/audit" [200]),
        row!("GET" "/app/people" [200]),
        row!("GET" "/app/tokens" [200]),
        row!("GET" "/app/me" [200]),
        row!("GET" "/app/settings" [200]),
        row!("GET" "/app/about" [200]),
        row!("GET" "/app/accounts/new" [200]),
        row!("GET" "/app/accounts/{id}" [200], |world, _, whose| world.account(whose)),
        row!("GET" "/app/accounts/{id}/mend" [303], |world, _, whose| world.account(whose)),
        row!("GET" "/app/answers" [200]),
        row!("GET" "/app/orders/{id}/print" [200], |world, _, whose| world.order(whose)),
        row!("GET" "/app/challenges/{id}" [200], |world, _, whose| world.challenge(whose)),
        row!("GET" "/docs" [200]),
        row!("GET" "/redoc" [200]),
        row!("GET" "/setup" [404]),
        row!("POST" "/setup" [404], PLAIN, |_| {
            Some(json!({"token": "x", "username": "x", "password": PASSWORD, "repeat": PASSWORD}))
        }),
        row!("POST" "/api/v1/setup" [404, 429], PLAIN, |_| Some(json!({"token": "x", "username": "x", "password": "correct horse battery"}))),
        row!("POST" "/api/v1/sessions" [401, 429], PLAIN, |world| {
            Some(json!({"username": format!("nobody-{}", world.number()), "password": "wrong"}))
        }),
        row!("GET" "/api/v1/sessions" [200]),
        row!("GET" "/api/v1/sessions/current" [200]),
        row!("GET" "/api/v1/accounts" [200]),
        row!("POST" "/api/v1/accounts" [201], PLAIN, |world| {
            let uid = world.uid();
            Some(json!({"name": format!("made-{uid}"), "cookie": format!("unb={uid}; cookie2=x"), "enabled": false}))
        }),
        row!("PUT" "/api/v1/accounts/paused" [200], PLAIN, |_| Some(json!({"paused": false}))),
        row!("GET" "/api/v1/accounts/{id}" [200], |world, _, whose| world.account(whose)),
        row!("PATCH" "/api/v1/accounts/{id}" [200], |world, _, whose| world.account(whose), |_| Some(json!({"debounce_ms": 1000}))),
        row!("DELETE" "/api/v1/accounts/{id}" [204], |world, who, whose| world.spare_account(who, whose)),
        row!("GET" "/api/v1/accounts/{id}/snapshot" [200, 409], |world, _, whose| world.account(whose)),
        row!("PUT" "/api/v1/accounts/{id}/credentials" [409], |world, _, whose| world.account(whose), |world| {
            Some(json!({"cookie": format!("unb={}; cookie2=x", world.uid())}))
        }),
        row!("POST" "/api/v1/accounts/{id}/enable" [200], |world, who, whose| world.spare_account(who, whose)),
        row!("POST" "/api/v1/accounts/{id}/disable" [200], |world, who, whose| world.spare_account(who, whose)),
        row!("POST" "/api/v1/accounts/{id}/restart" [200, 409], |world, who, whose| world.spare_account(who, whose)),
        row!("POST" "/api/v1/accounts/{id}/pause" [200], |world, who, whose| world.spare_account(who, whose)),
        row!("POST" "/api/v1/accounts/{id}/resume" [200], |world, who, whose| world.spare_account(who, whose)),
        row!("POST" "/api/v1/accounts/{id}/retry" [409], |world, who, whose| world.spare_account(who, whose)),
        row!("GET" "/api/v1/accounts/{id}/health" [200], |world, _, whose| world.account(whose)),
        row!("POST" "/api/v1/accounts/{id}/probe" [200, 409], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/accounts/{id}/proxy" [200], |world, _, whose| world.account(whose)),
        row!("PUT" "/api/v1/accounts/{id}/proxy" [200], |world, _, whose| world.account(whose), |_| {
            Some(json!({"proxy": "http://PLANTED:secret@127.0.0.1:9"}))
        }),
        row!("DELETE" "/api/v1/accounts/{id}/proxy" [204], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/logins" [200]),
        row!("POST" "/api/v1/logins" [201], PLAIN, |_| Some(json!({"kind": "qr"}))),
        row!("POST" "/api/v1/logins/cookie-check" [200], PLAIN, |_| Some(json!({"cookie": "unb=2200000000001; t=1"}))),
        // nobody began one of this number
        row!("GET" "/api/v1/logins/{id}" [404], |_, _, _| "a7".repeat(32)),
        row!("DELETE" "/api/v1/logins/{id}" [404], |_, _, _| "a7".repeat(32)),
        row!("GET" "/api/v1/logins/{id}/code.svg" [404], |_, _, _| "a7".repeat(32)),
        row!("GET" "/api/v1/logins/{id}/code.png" [404], |_, _, _| "a7".repeat(32)),
        row!("GET" "/api/v1/settings/ai" [200]),
        row!("PATCH" "/api/v1/settings/ai" [200], PLAIN, |_| Some(json!({"deal_days": 9}))),
        row!("GET" "/api/v1/accounts/{id}/sources" [200], |world, _, whose| world.account(whose)),
        row!("PUT" "/api/v1/accounts/{id}/sources" [200], |world, _, whose| world.account(whose), |_| Some(json!({"off": ["hook"]}))),
        row!("GET" "/api/v1/accounts/{id}/hook" [200], |world, _, whose| world.account(whose)),
        row!("PUT" "/api/v1/accounts/{id}/hook" [200], |world, _, whose| world.account(whose), |_| {
            Some(json!({"url": "https://hook.invalid/", "secret": "PLANTED hook secret"}))
        }),
        // no such host
        row!("POST" "/api/v1/accounts/{id}/hook/test" [200], |world, _, whose| world.account(whose), |_| Some(json!({"message": "在吗"}))),
        row!("GET" "/api/v1/accounts/{id}/ai" [200], |world, _, whose| world.account(whose)),
        row!("PATCH" "/api/v1/accounts/{id}/ai" [200], |world, _, whose| world.account(whose), |_| {
            Some(json!({"provider": {"dialect": "open_ai", "base_url": "https://ai.invalid/v1", "model": "m"}, "key": "PLANTED ai key"}))
        }),
        row!("POST" "/api/v1/accounts/{id}/ai/test" [200], |world, _, whose| world.account(whose), |_| Some(json!({"messages": ["在吗"]}))),
        row!("GET" "/api/v1/ai/usage" [200]),
        row!("GET" "/api/v1/suggestions" [200]),
        row!("GET" "/api/v1/suggestions/{id}" [200], |world, _, whose| world.suggestion(whose)),
        // nothing of the account runs
        row!("POST" "/api/v1/suggestions/{id}/approve" [409], |world, _, whose| world.suggestion(whose), |_| Some(json!({}))),
        row!("POST" "/api/v1/suggestions/{id}/reject" [200], |world, _, whose| world.suggestion(whose)),
        row!("GET" "/api/v1/keywords" [200]),
        row!("POST" "/api/v1/keywords" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "keyword": format!("new-{}", world.number()), "actions": [{"text": "好"}]}))
        }),
        row!("GET" "/api/v1/keywords/{id}" [200], |world, _, whose| world.rule(whose, Matching::Contains)),
        row!("PATCH" "/api/v1/keywords/{id}" [200], |world, _, whose| world.rule(whose, Matching::Contains), |_| Some(json!({"priority": 5}))),
        row!("DELETE" "/api/v1/keywords/{id}" [204], |world, _, whose| world.rule(whose, Matching::Contains)),
        row!("POST" "/api/v1/keywords/{id}/move" [200], |world, _, whose| world.rule(whose, Matching::Contains), |_| Some(json!({"to": "first"}))),
        row!("GET" "/api/v1/default-replies" [200]),
        row!("POST" "/api/v1/default-replies" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "item_ids": [format!("8{}", world.number())], "actions": []}))
        }),
        row!("GET" "/api/v1/default-replies/{id}" [200], |world, _, whose| world.rule(whose, Matching::Default)),
        row!("PATCH" "/api/v1/default-replies/{id}" [200], |world, _, whose| world.rule(whose, Matching::Default), |_| Some(json!({"once": true}))),
        row!("DELETE" "/api/v1/default-replies/{id}" [204], |world, _, whose| world.rule(whose, Matching::Default)),
        row!("GET" "/api/v1/rule-sets/{set}/warnings" [200], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/rule-sets/{set}/export" [200], |world, _, whose| world.account(whose)),
        row!("POST" "/api/v1/rule-sets/{set}/import" [200], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/event-rules" [200]),
        row!("POST" "/api/v1/event-rules" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "trigger": "order_paid", "item_ids": [format!("7{}", world.number())], "actions": []}))
        }),
        row!("GET" "/api/v1/event-rules/{id}" [200], |world, _, whose| world.event_rule(whose)),
        row!("PATCH" "/api/v1/event-rules/{id}" [200], |world, _, whose| world.event_rule(whose), |_| Some(json!({"delay_s": 5}))),
        row!("DELETE" "/api/v1/event-rules/{id}" [204], |world, _, whose| world.event_rule(whose)),
        row!("POST" "/api/v1/event-rules/{id}/move" [200], |world, _, whose| world.event_rule(whose), |_| Some(json!({"to": "last"}))),
        row!("GET" "/api/v1/rule-events" [200]),
        row!("GET" "/api/v1/rule-figures" [200]),
        row!("GET" "/api/v1/rule-figures/{id}" [200], |world, _, whose| world.event_rule(whose)),
        row!("GET" "/api/v1/rule-sets/{set}/draft" [200], |world, _, whose| world.account(whose)),
        row!("DELETE" "/api/v1/rule-sets/{set}/draft" [200], |world, _, whose| world.account(whose)),
        row!("POST" "/api/v1/rule-sets/{set}/publish" [200], |world, _, whose| world.account(whose), |_| Some(json!({"note": "why"}))),
        row!("GET" "/api/v1/rule-sets/{set}/versions" [200], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/rule-sets/{set}/versions/{number}" [200], |world, _, whose| world.version(whose)),
        row!("POST" "/api/v1/rule-sets/{set}/versions/{number}/roll-back" [200], |world, _, whose| world.version(whose), |_| Some(json!({}))),
        row!("GET" "/api/v1/items" [200]),
        row!("PATCH" "/api/v1/items" [200], PLAIN, |world| {
            let items = json!([{"account": world.chosen, "item": *world.ticked.borrow()}]);
            Some(json!({"items": items, "change": {"floor_fen": world.number()}}))
        }),
        row!("GET" "/api/v1/items/{account}/{item}" [200], |world, _, whose| world.item(whose)),
        row!("PATCH" "/api/v1/items/{account}/{item}" [200], |world, _, whose| world.item(whose), |_| {
            Some(json!({"ai_facts": "九成新", "floor_fen": null}))
        }),
        // nothing of these accounts runs
        row!("POST" "/api/v1/items/{account}/{item}/polish" [409], |world, _, whose| world.item(whose)),
        row!("GET" "/api/v1/accounts/{id}/items/sync" [200], |world, _, whose| world.account(whose)),
        row!("POST" "/api/v1/accounts/{id}/items/sync" [202], |world, _, whose| world.account(whose)),
        row!("GET" "/api/v1/pictures" [200]),
        row!("POST" "/api/v1/pictures" [201]),
        row!("GET" "/api/v1/pictures/{id}" [200], |world, who, whose| world.picture(who, whose)),
        row!("GET" "/api/v1/pictures/{id}/file" [200], |world, who, whose| world.picture(who, whose)),
        row!("DELETE" "/api/v1/pictures/{id}" [204], |world, who, whose| world.picture(who, whose)),
        row!("GET" "/api/v1/cards" [200]),
        row!("POST" "/api/v1/cards" [201], PLAIN, |world| {
            Some(json!({"name": format!("new-{}", world.number()), "kind": "text", "text": "x"}))
        }),
        row!("GET" "/api/v1/cards/{id}" [200], |world, _, whose| world.card(whose)),
        row!("PATCH" "/api/v1/cards/{id}" [200], |world, _, whose| world.card(whose), |_| Some(json!({"enabled": false}))),
        row!("DELETE" "/api/v1/cards/{id}" [204], |world, _, whose| world.card(whose)),
        row!("POST" "/api/v1/cards/{id}/test" [409], |world, _, whose| world.card(whose), |_| Some(json!({}))),
        row!("GET" "/api/v1/cards/{id}/events" [200], |world, _, whose| world.card(whose)),
        row!("GET" "/api/v1/cards/{id}/units" [200], |world, _, whose| world.card(whose)),
        row!("POST" "/api/v1/cards/{id}/units" [200], |world, _, whose| world.card(whose), |world| {
            Some(json!({"lines": [format!("PLANTED-{}", world.number())]}))
        }),
        row!("GET" "/api/v1/units/{id}" [200], |world, _, whose| world.unit(whose, &[])),
        row!("POST" "/api/v1/units/{id}/void" [200], |world, _, whose| world.unit(whose, &[]), |_| Some(json!({"reason": "x"}))),
        row!("POST" "/api/v1/units/{id}/return" [200], |world, _, whose| world.unit(whose, &[UnitState::Sent, UnitState::Confirmed]), |_| {
            Some(json!({"reason": "x"}))
        }),
        row!("POST" "/api/v1/units/{id}/free" [200], |world, _, whose| {
            world.unit(whose, &[UnitState::Sent, UnitState::Confirmed, UnitState::Returned])
        }, |_| Some(json!({"reason": "x"}))),
        row!("GET" "/api/v1/delivery-rules" [200]),
        row!("POST" "/api/v1/delivery-rules" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen, "keyword": "会员", "cards": [world.card.get()]}))
        }),
        row!("GET" "/api/v1/delivery-rules/{id}" [200], |world, _, whose| world.delivery_rule(whose)),
        row!("PATCH" "/api/v1/delivery-rules/{id}" [200], |world, _, whose| world.delivery_rule(whose), |_| {
            Some(json!({"enabled": false}))
        }),
        row!("DELETE" "/api/v1/delivery-rules/{id}" [204], |world, _, whose| world.delivery_rule(whose)),
        row!("GET" "/api/v1/accounts/{id}/delivery" [200], |world, _, whose| world.account(whose)),
        row!("PATCH" "/api/v1/accounts/{id}/delivery" [200], |world, _, whose| world.account(whose), |_| {
            Some(json!({"enabled": true}))
        }),
        row!("GET" "/api/v1/accounts/{id}/follow-ups" [200], |world, _, whose| world.account(whose)),
        row!("PATCH" "/api/v1/accounts/{id}/follow-ups" [200], |world, _, whose| world.account(whose), |_| {
            Some(json!({"flower": true}))
        }),
        row!("GET" "/api/v1/readiness" [200]),
        row!("GET" "/api/v1/orders" [200]),
        row!("GET" "/api/v1/orders/counts" [200]),
        row!("GET" "/api/v1/orders/export" [200]),
        row!("GET" "/api/v1/orders/{id}" [200], |world, _, whose| world.order(whose)),
        row!("GET" "/api/v1/orders/{id}/timeline" [200], |world, _, whose| world.order(whose)),
        row!("GET" "/api/v1/orders/{id}/proof" [200], |world, _, whose| world.order(whose)),
        row!("POST" "/api/v1/orders/{id}/refresh" [409], |world, _, whose| world.order(whose)),
        row!("POST" "/api/v1/orders/{id}/deliver" [202], |world, _, whose| world.order(whose), |_| Some(json!({"reason": "x"}))),
        row!("POST" "/api/v1/orders/{id}/redeliver" [409], |world, _, whose| world.order(whose), |_| Some(json!({"reason": "x"}))),
        row!("POST" "/api/v1/orders/{id}/settle" [409], |world, _, whose| world.order(whose), |_| Some(json!({"outcome": "given", "reason": "x"}))),
        row!("GET" "/api/v1/orders/{id}/actions" [200], |world, _, whose| world.order(whose)),
        row!("POST" "/api/v1/orders/{id}/close" [202], |world, _, whose| world.order_that_is(TradeState::Unpaid, whose), |_| {
            Some(json!({"reason": "x"}))
        }),
        row!("POST" "/api/v1/orders/{id}/price" [202], |world, _, whose| world.order_that_is(TradeState::Unpaid, whose), |_| {
            Some(json!({"amount": 1}))
        }),
        row!("POST" "/api/v1/orders/{id}/rate" [202], |world, _, whose| world.order_that_is(TradeState::Completed, whose), |_| {
            Some(json!({"text": "x"}))
        }),
        row!("POST" "/api/v1/orders/{id}/flower" [202], |world, _, whose| world.order_that_is(TradeState::Completed, whose)),
        row!("GET" "/api/v1/deliveries" [200]),
        row!("GET" "/api/v1/challenges" [200]),
        row!("GET" "/api/v1/challenges/{id}" [200], |world, _, whose| world.challenge(whose)),
        row!("POST" "/api/v1/challenges/{id}/cancel" [200], |world, _, whose| world.challenge(whose)),
        // the platform asks for nobody
        row!("POST" "/api/v1/accounts/{id}/challenge" [409], |world, _, whose| world.account(whose)),
        row!("GET" "/api/captcha/sessions" [200]),
        row!("GET" "/api/captcha/session/{id}" [200], |world, _, whose| world.challenge(whose)),
        row!("DELETE" "/api/captcha/session/{id}" [200], |world, _, whose| world.challenge(whose)),
        // nobody has opened its page, or there is no browser here
        row!("GET" "/api/captcha/screenshot/{id}" [409, 503], |world, _, whose| world.challenge(whose)),
        row!("GET" "/api/captcha/status/{id}" [200], |world, _, whose| world.challenge(whose)),
        row!("GET" "/api/captcha/control/{id}" [200], |world, _, whose| world.challenge(whose)),
        row!("GET" "/api/captcha/ws/{id}" [400], |world, _, whose| world.challenge(whose)),
        // of nothing that is there
        row!("POST" "/api/captcha/mouse_event" [404], PLAIN, |_| {
            Some(json!({"session_id": "a7".repeat(32), "event_type": "move", "x": 1, "y": 1}))
        }),
        row!("POST" "/api/captcha/check_completion" [404], PLAIN, |_| Some(json!({"session_id": "a7".repeat(32)}))),
        row!("GET" "/api/v1/reviews" [200]),
        row!("GET" "/api/v1/reviews/{id}" [200], |world, _, whose| world.review(whose)),
        row!("POST" "/api/v1/reviews/{id}/resolve" [200], |world, _, whose| world.review(whose), |_| {
            Some(json!({"choice": "by_hand", "note": "x"}))
        }),
        row!("GET" "/api/v1/conversations" [200]),
        row!("GET" "/api/v1/conversations/{id}" [200], |world, _, whose| world.conversation(whose)),
        row!("GET" "/api/v1/conversations/{id}/messages" [200], |world, _, whose| world.conversation(whose)),
        // nobody wrote in these conversations, and nothing writes to who did not write first
        row!("POST" "/api/v1/conversations/{id}/messages" [404, 409, 503], |world, _, whose| world.conversation(whose), |_| Some(json!({"texts": ["在"]}))),
        row!("POST" "/api/v1/conversations/{id}/pause" [200], |world, _, whose| world.conversation(whose), |_| Some(json!({"minutes": 5}))),
        row!("POST" "/api/v1/conversations/{id}/resume" [200], |world, _, whose| world.conversation(whose)),
        row!("PUT" "/api/v1/conversations/{id}/hand-over" [200], |world, _, whose| world.conversation(whose), |_| Some(json!({"to": null, "note": "x"}))),
        row!("DELETE" "/api/v1/conversations/{id}/hand-over" [204], |world, _, whose| world.conversation(whose)),
        row!("GET" "/api/v1/conversations/{id}/quick-phrases" [200], |world, _, whose| world.conversation(whose)),
        row!("GET" "/api/v1/unanswered" [200]),
        row!("GET" "/api/v1/quick-phrases" [200]),
        row!("POST" "/api/v1/quick-phrases" [201], PLAIN, |world| {
            Some(json!({"reach": "account", "account_id": world.chosen.0, "title": "t", "text": "x"}))
        }),
        row!("PATCH" "/api/v1/quick-phrases/{id}" [200], |world, _, whose| world.phrase(whose), |_| Some(json!({"position": 3}))),
        row!("DELETE" "/api/v1/quick-phrases/{id}" [204], |world, _, whose| world.phrase(whose)),
        row!("GET" "/api/v1/conversations/{id}/bargain" [200], |world, _, whose| world.conversation(whose)),
        row!("DELETE" "/api/v1/conversations/{id}/bargain" [204], |world, _, whose| world.conversation(whose)),
        row!("GET" "/api/v1/conversations/{id}/order-events" [200], |world, _, whose| world.conversation(whose)),
        row!("GET" "/api/v1/order-events" [200]),
        row!("GET" "/api/v1/decisions" [200]),
        row!("GET" "/api/v1/decisions/{id}" [200], |world, _, whose| world.message(whose)),
        row!("GET" "/api/v1/outbox" [200]),
        row!("GET" "/api/v1/outbox/{id}" [200], |world, _, whose| world.entry(whose, State::Confirmed)),
        row!("POST" "/api/v1/outbox/{id}/retry" [409], |world, _, whose| world.entry(whose, State::Confirmed), |_| Some(json!({}))),
        row!("POST" "/api/v1/outbox/{id}/cancel" [409], |world, _, whose| world.entry(whose, State::Confirmed)),
        row!("POST" "/api/v1/outbox/{id}/confirm" [200, 503], |world, _, whose| world.entry(whose, State::Uncertain), |_| Some(json!({"arrived": true}))),
        row!("GET" "/api/v1/blocked-buyers" [200]),
        row!("POST" "/api/v1/blocked-buyers" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "buyer_id": world.uid()}))
        }),
        row!("DELETE" "/api/v1/blocked-buyers/{id}" [204], |world, _, whose| world.block(whose)),
        row!("GET" "/api/v1/rule-cases" [200]),
        row!("POST" "/api/v1/rule-cases" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "name": format!("case-{}", world.uid()), "blocks": false, "steps": [{"says": ["在吗"], "expects": {"silent": true}}]}))
        }),
        row!("GET" "/api/v1/rule-cases/{id}" [200], |world, _, whose| world.case(whose)),
        row!("PATCH" "/api/v1/rule-cases/{id}" [200], |world, _, whose| world.case(whose), |_| Some(json!({"blocks": false}))),
        row!("DELETE" "/api/v1/rule-cases/{id}" [204], |world, _, whose| world.case(whose)),
        row!("POST" "/api/v1/rule-sets/{set}/test" [200], |world, _, whose| world.account(whose), |_| Some(json!({}))),
        row!("POST" "/api/v1/sandbox" [200], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "steps": [{"says": ["在吗"]}]}))
        }),
        row!("POST" "/api/v1/keywords/preview" [200], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "keyword": "在吗", "actions": []}))
        }),
        row!("POST" "/api/v1/default-replies/preview" [200], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "actions": []}))
        }),
        row!("POST" "/api/v1/event-rules/preview" [200], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "trigger": "order_paid", "actions": []}))
        }),
        row!("GET" "/cookies" [200]),
        row!("POST" "/cookies" [201], PLAIN, |world| {
            let uid = world.uid();
            Some(json!({"id": format!("made-{uid}"), "value": format!("unb={uid}; cookie2=x")}))
        }),
        row!("GET" "/cookies/list" [200]),
        row!("POST" "/cookies/add" [201], PLAIN, |world| {
            let uid = world.uid();
            Some(json!({"id": format!("made-{uid}"), "value": format!("unb={uid}; cookie2=x")}))
        }),
        row!("PUT" "/cookies/{id}" [409], |world, _, whose| world.account(whose), |world| {
            Some(json!({"value": format!("unb={}; cookie2=x", world.uid())}))
        }),
        row!("DELETE" "/cookies/{id}" [200], |world, who, whose| world.spare_account(who, whose)),
        row!("GET" "/accounts" [200]),
        row!("POST" "/accounts" [201], PLAIN, |world| {
            let uid = world.uid();
            Some(json!({"name": format!("made-{uid}"), "cookie": format!("unb={uid}; cookie2=x"), "enabled": false}))
        }),
        row!("PUT" "/accounts/{id}" [200], |world, _, whose| world.account(whose), |_| Some(json!({"debounce_ms": null}))),
        row!("DELETE" "/accounts/{id}" [204], |world, who, whose| world.spare_account(who, whose)),
        row!("GET" "/keywords" [200]),
        row!("POST" "/keywords" [201], PLAIN, |world| {
            Some(json!({"account_id": world.chosen.0, "keyword": format!("new-{}", world.number()), "actions": [{"text": "好"}]}))
        }),
        row!("PUT" "/keywords/{id}" [200], |world, _, whose| world.rule(whose, Matching::Contains), |_| Some(json!({"priority": 5}))),
        row!("GET" "/keywords-export/{id}" [200], |world, _, whose| world.account(whose)),
        row!("POST" "/keywords-import/{id}" [200], |world, _, whose| world.account(whose)),
        row!("DELETE" "/keywords/{id}" [204], |world, _, whose| world.rule(whose, Matching::Contains)),
        row!("POST" "/api/v1/email-codes" [202], PLAIN, |world| {
            Some(json!({"email": format!("x{}@example.com", world.number()), "purpose": "login"}))
        }),
        row!("POST" "/api/v1/registrations" [403], PLAIN, |_| {
            Some(json!({"username": "x", "email": "x@example.com", "password": PASSWORD, "verification_code": "123456"}))
        }),
        row!("POST" "/api/v1/password-resets" [422], PLAIN, |_| {
            Some(json!({"email": "x@example.com", "verification_code": "123456", "new_password": PASSWORD}))
        }),
        row!("GET" "/api/v1/me" [200]),
        row!("PATCH" "/api/v1/me" [200], PLAIN, |_| Some(json!({"email": null, "password": PASSWORD}))),
        row!("GET" "/api/v1/me/welcome" [200]),
        row!("PATCH" "/api/v1/me/welcome" [200], PLAIN, |_| Some(json!({"skip": ["trial"], "resume": ["rule"]}))),
        row!("PUT" "/api/v1/me/password" [204], PLAIN, |_| {
            Some(json!({"old_password": PASSWORD, "new_password": PASSWORD}))
        }),
        row!("POST" "/api/v1/me/second-factor" [201], PLAIN, |_| Some(json!({"password": PASSWORD}))),
        row!("POST" "/api/v1/me/second-factor/confirm" [422], PLAIN, |_| Some(json!({"code": "abcdef"}))),
        row!("DELETE" "/api/v1/me/second-factor" [204], PLAIN, |_| Some(json!({"password": PASSWORD}))),
        row!("GET" "/api/v1/tokens" [200]),
        row!("POST" "/api/v1/tokens" [201], PLAIN, |_| Some(json!({"name": "script", "access": "read"}))),
        row!("GET" "/api/v1/users" [200]),
        row!("POST" "/api/v1/users" [201], PLAIN, |world| {
            Some(json!({"name": format!("owner-{}", world.number()), "password": PASSWORD, "role": "owner"}))
        }),
        row!("GET" "/api/v1/users/{id}" [200], |world, _, whose| world.anyone(whose)),
        row!("PATCH" "/api/v1/users/{id}" [200], |world, _, whose| world.anyone(whose), |_| Some(json!({"active": true}))),
        row!("DELETE" "/api/v1/users/{id}" [204], |world, _, whose| world.anyone(whose)),
        row!("PUT" "/api/v1/users/{id}/password" [204], |world, _, whose| world.anyone(whose), |_| Some(json!({"password": PASSWORD}))),
        row!("PUT" "/api/v1/users/{id}/accounts" [200], |world, _, whose| world.anyone(whose), |world| Some(json!({"accounts": [world.chosen]}))),
        row!("DELETE" "/api/v1/users/{id}/second-factor" [204], |world, _, whose| world.anyone(whose)),
        row!("GET" "/api/v1/employees" [200]),
        row!("POST" "/api/v1/employees" [201], PLAIN, |world| {
            Some(json!({"name": format!("viewer-{}", world.number()), "password": PASSWORD, "role": "viewer"}))
        }),
        row!("GET" "/api/v1/employees/{id}" [200], |world, _, whose| world.employee(whose)),
        row!("PATCH" "/api/v1/employees/{id}" [200], |world, _, whose| world.employee(whose), |_| Some(json!({"active": true}))),
        row!("DELETE" "/api/v1/employees/{id}" [204], |world, _, whose| world.employee(whose)),
        row!("PUT" "/api/v1/employees/{id}/password" [204], |world, _, whose| world.employee(whose), |_| Some(json!({"password": PASSWORD}))),
        row!("PUT" "/api/v1/employees/{id}/accounts" [200], |world, _, whose| world.employee(whose), |world| Some(json!({"accounts": [world.chosen]}))),
        row!("DELETE" "/api/v1/employees/{id}/second-factor" [204], |world, _, whose| world.employee(whose)),
        row!("GET" "/api/v1/settings" [200]),
        row!("PATCH" "/api/v1/settings" [200], PLAIN, |_| Some(json!({"retention": {"logs_days": 30}}))),
        // nobody listens there
        row!("POST" "/api/v1/settings/smtp/test" [502], PLAIN, |_| Some(json!({"to": "x@example.com"}))),
        row!("GET" "/api/v1/stop-switch" [200]),
        row!("PUT" "/api/v1/stop-switch" [200], PLAIN, |_| Some(json!({"on": false}))),
        row!("POST" "/login" [401, 429], PLAIN, |world| {
            Some(json!({"username": format!("nobody-{}", world.number()), "password": "wrong"}))
        }),
        row!("GET" "/verify" [200]),
        row!("POST" "/change-admin-password" [200], PLAIN, |_| {
            Some(json!({"current_password": PASSWORD, "new_password": PASSWORD}))
        }),
        row!("GET" "/api/v1/buyers/{buyer_id}" [200], |world, _, whose| world.buyer(whose)),
        row!("GET" "/api/v1/buyers/{buyer_id}/export" [200], |world, _, whose| world.buyer(whose)),
        row!("DELETE" "/api/v1/buyers/{buyer_id}" [200], |world, _, whose| world.buyer(whose)),
        row!("GET" "/api/v1/buyers/{buyer_id}/tags" [200], |world, _, whose| world.peer(whose)),
        row!("PUT" "/api/v1/buyers/{buyer_id}/tags" [200], |world, _, whose| world.peer(whose), |_| Some(json!({"tags": ["vip"]}))),
        row!("GET" "/api/v1/buyers/{buyer_id}/notes" [200], |world, _, whose| world.peer(whose)),
        row!("POST" "/api/v1/buyers/{buyer_id}/notes" [201], |world, _, whose| world.peer(whose), |_| Some(json!({"text": "x"}))),
        row!("PATCH" "/api/v1/buyers/{buyer_id}/notes/{id}" [200], |world, _, whose| world.note(whose), |_| Some(json!({"text": "y"}))),
        row!("DELETE" "/api/v1/buyers/{buyer_id}/notes/{id}" [204], |world, _, whose| world.note(whose)),
        row!("GET" "/api/v1/tags" [200]),
        row!("GET" "/api/v1/notify/channels" [200]),
        row!("POST" "/api/v1/notify/channels" [201], PLAIN, |world| {
            Some(json!({"name": format!("new-{}", world.number()), "kind": "webhook", "config": {"webhook_url": "https://example.com/"}}))
        }),
        row!("GET" "/api/v1/notify/channels/{id}" [200], |world, _, whose| world.channel(whose)),
        row!("PATCH" "/api/v1/notify/channels/{id}" [200], |world, _, whose| world.channel(whose), |_| Some(json!({"enabled": false}))),
        row!("DELETE" "/api/v1/notify/channels/{id}" [204], |world, _, whose| world.channel(whose)),
        // no address of this machine may be reached
        row!("POST" "/api/v1/notify/channels/{id}/test" [502], |world, _, whose| world.channel(whose)),
        row!("GET" "/api/v1/notify/subscriptions" [200]),
        row!("PUT" "/api/v1/notify/subscriptions" [200], PLAIN, |_| Some(json!({"subscriptions": []}))),
        row!("POST" "/api/v1/notify/deliveries/{id}/retry" [202], |world, _, whose| world.dead_delivery(whose)),
        row!("GET" "/api/v1/notices" [200]),
        row!("GET" "/api/v1/notices/{id}" [200], |world, _, whose| world.notice(whose)),
        row!("POST" "/api/v1/notices/{id}/seen" [200], |world, _, whose| world.notice(whose)),
        row!("DELETE" "/api/v1/notices/{id}/seen" [200], |world, _, whose| world.notice(whose)),
        row!("GET" "/api/v1/notices/{id}/deliveries" [200], |world, _, whose| world.notice(whose)),
        row!("GET" "/api/v1/maintenance" [200]),
        row!("POST" "/api/v1/maintenance/run" [200, 202, 409]),
        row!("GET" "/api/v1/maintenance/backups" [200]),
        row!("POST" "/api/v1/maintenance/backups" [202, 409]),
        row!("GET" "/logs" [200]),
        // nobody asks for the upgrade here
        row!("GET" "/api/v1/live" [400]),
        row!("POST" "/api/v1/live/tickets" [201]),
        row!("GET" "/api/v1/logs" [200]),
        row!("GET" "/api/v1/logs/stats" [200]),
        row!("GET" "/api/v1/logs/files" [200]),
        row!("GET" "/api/v1/logs/files/{name}" [404], |_, _, _| "no-such-file.log".to_owned()),
        row!("GET" "/api/v1/logs/level" [200]),
        row!("PUT" "/api/v1/logs/level" [200], PLAIN, |_| Some(json!({"level": "info"}))),
        row!("GET" "/api/v1/stats" [200]),
        row!("GET" "/api/v1/stats/sales" [200]),
        row!("GET" "/api/v1/stats/buyers" [200]),
        row!("GET" "/api/v1/stats/sales/export" [200]),
        row!("GET" "/api/v1/audit" [200]),
        row!("GET" "/api-docs/openapi.json" [200]),
    ];
    let personal = vec![
        row!("DELETE" "/api/v1/sessions/{id}" [204], |world, who, whose| world.session(who, whose)),
        row!("DELETE" "/api/v1/tokens/{id}" [204], |world, who, whose| world.token(who, whose)),
        row!("POST" "/logout" [200]),
        row!("DELETE" "/api/v1/sessions/current" [204]),
    ];
    rows.extend(personal.into_iter().map(|row| Row { personal: true, ..row }));
    rows
}

/// Whoever asks these is gone afterwards.
const ENDS_THE_SESSION: [&str; 2] = ["/logout", "/api/v1/sessions/current"];

/// What changes nothing that is anybody's: all other writes leave a line in the audit.
const NOT_AUDITED: [&str; 8] = [
    "/api/v1/sandbox",
    "/api/v1/keywords/preview",
    "/api/v1/default-replies/preview",
    "/api/v1/event-rules/preview",
    "/api/v1/rule-sets/{set}/test",
    "/api/v1/live/tickets",
    "/api/v1/email-codes",
    "/api/v1/logins/cookie-check",
];

/// What goes on when it is answered is written down when it ends.
const IN_THE_BACKGROUND: [&str; 1] = ["/api/v1/maintenance/backups"];

/// With what an administrator may help every tenant, where they are given its number.
const FOR_ANY_ADMIN: [&str; 9] = [
    "/api/v1/challenges/{id}",
    "/api/v1/challenges/{id}/cancel",
    "/app/challenges/{id}",
    "/api/captcha/session/{id}",
    "/api/captcha/screenshot/{id}",
    "/api/captcha/status/{id}",
    "/api/captcha/control/{id}",
    "/api/captcha/ws/{id}",
    "/api/captcha/sessions",
];

/// Where an administrator sees every tenant.
const OF_THE_SYSTEM: [&str; 3] = ["/api/v1/logs", "/logs", "/api/v1/audit"];

const CHOSEN: (&str, &str) = ("chosen-shop", "2209900000001");
const UNCHOSEN: (&str, &str) = ("unseen-shop", "2209900000002");
const FOREIGN: (&str, &str) = ("foreign-shop", "2209900000003");

/// Of the administrator's mail server.
const MAIL_PASSWORD: &str = "planted mail password";
/// Of somebody's phone.
const PHONE_SECRET: &str = "PHQNTEDPHQNTEDPHQNTEDPHQNTEDPHQN";

/// Adds a token of the seller for all accounts.
fn mint(app: &TestApp, reach: TokenReach) -> String {
    put_token(app, app.scope().user(), reach).0
}

fn put_token(app: &TestApp, user: UserId, reach: TokenReach) -> (String, TokenId) {
    let minted = token::mint(rand::random());
    let new = NewToken {
        user,
        name: reach.as_str().to_owned(),
        prefix: minted.prefix,
        hash: minted.hash,
        access: reach,
        accounts: None,
        created_at: Timestamp(1),
        expires_at: None,
    };
    (minted.text, app.write(move |conn| api_tokens::insert(conn, &Scope::owner(user), &new)))
}

async fn api(world: &World, who: Who, tokens: &[(Who, String)]) -> Api {
    // Wrong passwords of one must not lock the others out.
    let somebody = world.app.anybody().with("x-forwarded-for", &format!("10.0.0.{}", who as u8));
    match who {
        Who::Nobody => somebody,
        Who::Viewer => sign_in(world, somebody, "viewer").await,
        Who::Operator => sign_in(world, somebody, "operator").await,
        Who::Owner => sign_in(world, somebody, "seller").await,
        Who::Admin => sign_in(world, somebody, "admin").await,
        Who::ReadToken | Who::WriteToken => {
            let token = tokens.iter().find(|(known, _)| *known == who).map(|(_, token)| token.clone()).unwrap();
            somebody.with("authorization", &format!("Bearer {token}"))
        }
    }
}

async fn sign_in(world: &World, somebody: Api, name: &str) -> Api {
    let signed_in = somebody.sign_in(name).await;
    world.keep_secret(&signed_in.sends("authorization").trim_start_matches("Bearer ").into());
    signed_in
}

/// A disabled account of `owner`.
fn put_account(app: &TestApp, owner: UserId, (name, uid): (&str, &str)) -> AccountId {
    let keys = app.store().keys().clone();
    let cookie = Secret::new(format!("unb={uid}; cookie2=PLANTED-{uid}"));
    let new = [NewAccount { name: name.into(), uid: uid.into(), cookie, enabled: Some(false) }];
    app.write(move |conn| accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1))).unwrap()[0].0
}

pub(crate) async fn world() -> World {
    logging::init(&Settings::default().log);
    let mut app = TestApp::with(|settings| {
        settings.server.requests = 64;
        settings.server.trusted_proxies = vec![[127, 0, 0, 1].into()];
    });
    let rival = app.person("rival", Role::Owner);
    let chosen = put_account(&app, app.scope().user(), CHOSEN);
    let unchosen = put_account(&app, app.scope().user(), UNCHOSEN);
    let foreign = put_account(&app, rival, FOREIGN);
    let seller = app.scope();
    let viewer = app.employ("viewer", Role::Viewer, Some(seller.user()), &[chosen]);
    let operator = app.employ("operator", Role::Operator, Some(seller.user()), &[chosen]);
    let admin = app.user("admin");
    app.start_unconnected();
    let users =
        vec![(Who::Viewer, viewer), (Who::Operator, operator), (Who::Owner, seller.user()), (Who::Admin, admin)];
    let (next, secrets) = (Cell::new(100), RefCell::new(vec!["PLANTED".to_owned(), PASSWORD.to_owned()]));
    let world = World {
        app,
        seller,
        rival: Scope::owner(rival),
        chosen,
        unchosen,
        foreign,
        next,
        card: Cell::new(0),
        ticked: RefCell::default(),
        users,
        secrets,
    };
    world.card.set(world.gift(world.seller).0);
    let ticked = world.item(Whose::Own).split_once('/').unwrap().1.to_owned();
    world.ticked.replace(ticked);
    plant_secrets(&world).await;
    for whose in [Whose::Unchosen, Whose::Foreign] {
        world.rule(whose, Matching::Contains);
        world.rule(whose, Matching::Default);
        world.block(whose);
        world.note(whose);
        world.phrase(whose);
        world.conversation(whose);
        world.entry(whose, State::Confirmed);
        world.channel(whose);
        world.notice(whose);
        world.unit(whose, &[]);
        world.delivery_rule(whose);
        world.review(whose);
    }
    world
}

/// Secrets of every kind that is kept: cookies and passwords are there already.
async fn plant_secrets(world: &World) {
    let (keys, rival) = (world.app.store().keys().clone(), world.rival.user());
    let sealed = keys.seal(&users::totp_place(rival), PHONE_SECRET);
    world.app.write(move |conn| users::set_totp(conn, rival, Some(&sealed)));
    let smtp = json!({
        "host": "127.0.0.1", "port": 1, "username": "pond", "password": MAIL_PASSWORD, "from": "pond@example.com",
        "security": "none",
    });
    let admin = sign_in(world, world.app.anybody(), "admin").await;
    admin.patch("/api/v1/settings", &json!({"smtp": smtp})).await.is(200);
    world.keep_secret(&MAIL_PASSWORD.into());
    world.keep_secret(&PHONE_SECRET.into());
}

#[test]
fn every_route_has_its_row_and_every_row_its_route() {
    let mut routes: Vec<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
    let mut rows: Vec<_> = rows().iter().map(|row| (row.method, row.path)).collect();
    routes.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, routes);
}

/// T2, T3, T4, T5, T6: nobody reaches into another tenant's things, whatever they hold and whichever route they try.
#[actix_web::test]
async fn t2_t3_t4_t5_t6_every_route_is_closed_to_whom_it_is_not_for() {
    let world = world().await;
    let tokens = tokens(&world);
    for who in EVERYBODY {
        let mut asking = api(&world, who, &tokens).await;
        for row in rows() {
            ask(&world, &asking, who, &row).await;
            if ENDS_THE_SESSION.contains(&row.path) {
                asking = api(&world, who, &tokens).await;
            }
        }
    }
    check_log(&world);
}

/// The path with the last letter outside its placeholders written as `%XX`: the same address, spelt oddly.
fn oddly_spelt(template: &str) -> Option<String> {
    let literal = template.find('{').map_or(template, |at| &template[..at]);
    let at = literal.rfind(|letter: char| letter.is_ascii_alphabetic())?;
    let letter = literal.as_bytes()[at];
    Some(fill_any(&format!("{}%{letter:02x}{}", &template[..at], &template[at + 1..])))
}

/// An address that is spelt oddly finds no handler: the table's line, which says who may, is found by the usual spelling.
#[actix_web::test]
async fn an_odd_spelling_opens_nothing() {
    let world = world().await;
    let admin = world.app.signed_in("admin").await;
    let mut asked = 0;
    for row in rows() {
        let Some(path) = oddly_spelt(row.path) else { continue };
        for api in [&world.app.anybody(), &admin] {
            let method = Method::from_bytes(row.method.as_bytes()).unwrap();
            let answer = api.send(method, &path, (row.body)(&world).as_ref()).await;
            assert!([404, 405].contains(&answer.status), "{} {path}: {} {}", row.method, answer.status, answer.text);
        }
        asked += 1;
    }
    assert!(asked >= ROUTES.len() - 1, "all but / have a letter");
}

fn tokens(world: &World) -> [(Who, String); 2] {
    let tokens =
        [(Who::ReadToken, mint(&world.app, TokenReach::Read)), (Who::WriteToken, mint(&world.app, TokenReach::Write))];
    tokens.iter().for_each(|(_, token)| world.keep_secret(&token.as_str().into()));
    tokens
}

/// Whatever was asked, no secret stands in the log.
fn check_log(world: &World) {
    let lines = logging::ring().query(&LogQuery { limit: usize::MAX, ..LogQuery::new(Visible::Everything) });
    assert!(lines.len() > 100, "requests are logged");
    for line in lines {
        world.check_secrets("the log", &serde_json::to_string(&*line).unwrap());
    }
}

/// T2: an account that is named in a body is found as little as one in an address.
#[actix_web::test]
async fn t2_no_body_reaches_another_owners_account() {
    let world = world().await;
    let tokens = tokens(&world);
    let foreign = world.foreign;
    let named = rows().into_iter().filter_map(|row| {
        let mut body = (row.body)(&world).filter(|body| body["account_id"].is_i64())?;
        body["account_id"] = json!(foreign);
        Some((row.method, row.path.to_owned(), body))
    });
    let mut asked: Vec<_> = named.collect();
    assert!(asked.len() >= 5, "{asked:?}");
    let employee = json!({"name": "spy", "password": PASSWORD, "role": "viewer", "accounts": [foreign]});
    let rule = world.rule(Whose::Own, Matching::Contains);
    asked.extend([
        ("POST", "/api/v1/employees".to_owned(), employee),
        ("PUT", format!("/api/v1/employees/{}/accounts", world.employee(Whose::Own)), json!({"accounts": [foreign]})),
        ("PATCH", format!("/api/v1/keywords/{rule}"), json!({"account_id": foreign})),
        ("PUT", format!("/keywords/{rule}"), json!({"account_id": foreign})),
    ]);
    for who in [Who::Owner, Who::WriteToken] {
        let api = api(&world, who, &tokens).await;
        for (method, path, body) in &asked {
            let answer = api.send(method.parse().unwrap(), path, Some(body)).await;
            // No token of a program makes or changes people.
            let in_person = who == Who::WriteToken && path.contains("/employees");
            let wanted = if in_person { 403 } else { 404 };
            assert_eq!(answer.status, wanted, "{who:?} asks {method} {path}: {}", answer.text);
            let field = if body["accounts"].is_array() { "accounts" } else { "account_id" };
            assert_eq!(answer.field(), if in_person { "" } else { field }, "{method} {path}: {}", answer.text);
        }
        // No token of a program makes tokens.
        let token = json!({"name": "t", "access": "read", "accounts": [foreign]});
        let wanted = if who == Who::Owner { 404 } else { 403 };
        let refused = api.post("/api/v1/tokens", &token).await.is(wanted);
        assert_eq!(refused.field(), if wanted == 404 { "accounts" } else { "" });
    }
}

async fn ask(world: &World, api: &Api, who: Who, row: &Row) {
    let access = ROUTES.iter().find(|route| (route.method, route.path) == (row.method, row.path)).unwrap().access;
    let has_id = row.path.contains('{');
    for whose in [Whose::Unknown, Whose::Foreign, Whose::Unchosen, Whose::Own] {
        if !has_id && whose != Whose::Own {
            continue;
        }
        let lines = world.audit_lines();
        let answer = send(world, api, who, row, whose).await;
        let what = format!("{who:?} asks {} {} about {whose:?}: {}", row.method, row.path, answer.1);
        let expected: &[u16] = match (who.may(access), who, whose) {
            (false, Who::Nobody, _) => &[401],
            (false, ..) => &[403],
            // The body names an account of the seller.
            (true, Who::Admin, _) if !has_id && (row.body)(world).is_some_and(|body| names_an_account(&body)) => &[404],
            (true, ..) if !has_id => row.good,
            (true, Who::Admin, Whose::Foreign) if FOR_ANY_ADMIN.contains(&row.path) => row.good,
            (true, _, Whose::Unknown | Whose::Foreign) => &[404],
            (true, _, Whose::Unchosen) if row.personal => &[404],
            (true, Who::Admin, _) if FOR_ANY_ADMIN.contains(&row.path) => row.good,
            // Another tenant: its things are not the seller's.
            (true, Who::Admin, _) if !row.personal && access != Access::Right(Right::Administer) => &[404],
            (true, Who::Viewer | Who::Operator, Whose::Unchosen) => &[404],
            (true, _, Whose::Unchosen | Whose::Own) => row.good,
        };
        assert!(expected.contains(&answer.0), "{what} ({}, not {expected:?})", answer.0);
        let wrote = row.method != "GET" && (200..300).contains(&answer.0);
        if wrote && IN_THE_BACKGROUND.contains(&row.path) {
            world.app.eventually("a line of it", || (world.audit_lines() > lines).then_some(())).await;
        }
        if wrote && !NOT_AUDITED.contains(&row.path) {
            assert!(world.audit_lines() > lines, "{what}: the audit knows nothing of it");
        }
        if row.method == "GET" && !has_id && !(who == Who::Admin && OF_THE_SYSTEM.contains(&row.path)) {
            check_list(world, who, &answer.1, &what);
        }
    }
}

fn names_an_account(body: &Value) -> bool {
    body["account_id"].is_i64() || body["items"][0]["account"].is_i64()
}

/// T2, T3: a list holds nothing of accounts that are not theirs.
fn check_list(world: &World, who: Who, text: &str, what: &str) {
    let mut hidden = vec![(world.foreign, FOREIGN)];
    if matches!(who, Who::Viewer | Who::Operator) {
        hidden.push((world.unchosen, UNCHOSEN));
    }
    for (id, (name, uid)) in hidden {
        for mark in [name, uid, &format!("\"account_id\":{id},"), &format!("\"account_id\":{id}}}")] {
            assert!(!text.contains(mark), "{what}: shows {mark}");
        }
    }
}

async fn send(world: &World, api: &Api, who: Who, row: &Row, whose: Whose) -> (u16, String) {
    let place = (row.address)(world, who, whose);
    let path = if row.path.contains('{') { fill(row.path, &place) } else { row.path.to_owned() };
    let answer = send_body(world, api, row, &path).await;
    world.check_secrets(&path, &answer.text);
    if let (201, "/api/v1/me/second-factor" | "/api/v1/tokens") = (answer.status, row.path) {
        // Shown this once.
        ["secret", "token"].iter().for_each(|name| world.keep_secret(&answer.json()[name]));
    }
    (answer.status, answer.text)
}

/// Asks with a body that would do.
pub(crate) async fn send_body(world: &World, api: &Api, row: &Row, path: &str) -> Answer {
    if (row.method, row.path) == ("POST", "/api/v1/pictures") {
        return api.send_bytes(path, "image/png", world.png()).await;
    }
    if (row.method, row.path) == ("POST", "/api/v1/rule-sets/{set}/import") {
        let file = format!("keyword,actions\r\nk{},text: x\r\n", world.number());
        return api.send_bytes(&format!("{path}?format=csv&dry_run=false"), "text/csv", file.into_bytes()).await;
    }
    if (row.method, row.path) == ("POST", "/keywords-import/{id}") {
        let row = [format!("k{}", world.number()), String::new(), "x".to_owned()];
        let rows = [["关键词", "商品ID", "关键词内容"].map(str::to_owned), row].map(Vec::from);
        return api.send_bytes(path, "application/octet-stream", write_workbook("x", &rows).unwrap()).await;
    }
    if let ("POST", "/sign-in" | "/register" | "/forgotten" | "/setup") = (row.method, row.path) {
        return send_form(api, path, &(row.body)(world).unwrap()).await;
    }
    let method = Method::from_bytes(row.method.as_bytes()).unwrap();
    api.send(method, path, (row.body)(world).as_ref()).await
}

/// As a page at the door sends it, from another machine of whoever asks: the tries of the two are not counted together.
async fn send_form(api: &Api, path: &str, fields: &Value) -> Answer {
    let fields = fields.as_object().unwrap().iter().map(|(name, text)| (name, text.as_str().unwrap()));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let address = api.sends("x-forwarded-for").replacen("10.0.0.", "10.0.1.", 1);
    let browser = api.as_who().with("sec-fetch-site", "same-origin").with("x-forwarded-for", &address);
    browser.send_bytes(path, "application/x-www-form-urlencoded", body.into_bytes()).await
}

/// The template with its id filled in; where it has two parts, there is a slash between them.
pub(crate) fn fill(template: &str, id: &str) -> String {
    let (before, rest) = template.split_once('{').unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    match (after.contains('{'), id.split_once('/')) {
        (true, Some((first, second))) => fill(&format!("{before}{first}{after}"), second),
        _ => format!("{before}{id}{after}"),
    }
}

/// The same where there may be none.
pub(crate) fn fill_any(template: &str) -> String {
    let id = match template {
        _ if template.starts_with("/api/v1/pictures/") => "0a".repeat(32),
        _ if template.matches('{').count() == 2 => "1/1".to_owned(),
        _ => "1".to_owned(),
    };
    if template.contains('{') { fill(template, &id) } else { template.to_owned() }
}
