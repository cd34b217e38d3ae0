//! Brings a message to a channel, and marks what came of it.

use std::{rc::Rc, time::Duration};

use log::{debug, warn};

use super::{Config, FindMailServer};
use crate::{
    ids::{ChannelId, Timestamp},
    mail::{
        client::{self as mail, MailError},
        letter::Letter,
    },
    notify::{
        channel::{Config as Channel, Dispatch, Post, Verdict},
        event::Event,
        messages::Fault,
        notice::{Phase, Told},
        text::{self, Message},
        throttle,
    },
    outgoing::{
        client::{Failure, Method, OutgoingClient, Request},
        url::HttpUrl,
    },
    store::{
        Store, StoreError,
        notices::Row,
        notify_channels::{self, Channel as StoredChannel},
        notify_deliveries::{self, Delivery},
    },
    telemetry::clock,
};

/// So many are read at once.
const MOST: i64 = 100;

/// More than so many that wait are one message.
const SINGLY: usize = 3;

/// The ways out.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) outgoing: OutgoingClient,
    pub(super) mail: FindMailServer,
    pub(super) timeout: Duration,
}

impl Courier {
    /// Once. `Ok`: the service has taken it.
    pub(super) async fn send(&self, channel: &Channel, message: &Message, uid: &str) -> Result<(), Fault> {
        match channel.build(message, uid, clock::unix()) {
            Dispatch::Http(post) => self.post(channel, post).await,
            Dispatch::Mail { to, subject, text } => self.mail(Letter { to, subject, text }).await,
        }
    }

    async fn post(&self, channel: &Channel, post: Post) -> Result<(), Fault> {
        let url = HttpUrl::parse(&post.url).map_err(|fault| never(fault.code(), fault.to_string()))?;
        let method = if post.is_put { Method::PUT } else { Method::POST };
        let mut request = Request::new(method.clone(), url).body(post.content_type, post.body);
        request.timeout = self.timeout;
        request.headers.extend(post.headers);
        let answer = self.outgoing.send(request).await.map_err(failed)?;
        if answer.method != method {
            return Err(never(
                "redirect_refused",
                "the server redirects elsewhere: enter the final address".to_owned(),
            ));
        }
        match channel.judge(answer.status, answer.beginning()) {
            Verdict::Taken => Ok(()),
            Verdict::Later { said, after_s } => {
                Err(Fault { code: "refused", said, may_pass: true, after: after_s.map(Duration::from_secs) })
            }
            Verdict::Never { said } => Err(never("refused", said)),
        }
    }

    async fn mail(&self, letter: Letter) -> Result<(), Fault> {
        let server = (self.mail)().await.map_err(|said| Fault {
            code: "mail_unreachable",
            said,
            may_pass: true,
            after: None,
        })?;
        let Some(server) = server else {
            return Err(never("mail_unavailable", "no mail server is configured".to_owned()));
        };
        mail::send(&server, &letter).await.map_err(|error| {
            let may_pass = match error {
                MailError::From | MailError::To | MailError::Letter(_) | MailError::Login => false,
                MailError::Refused(code) => code < 500,
                MailError::Tls(_) | MailError::Connection(_) | MailError::Timeout => true,
            };
            Fault { code: error.code(), said: error.to_string(), may_pass, after: None }
        })
    }
}

fn failed(failure: Failure) -> Fault {
    Fault { code: failure.code(), said: failure.to_string(), may_pass: failure.may_pass(), after: None }
}

fn never(code: &'static str, said: String) -> Fault {
    Fault { code, said, may_pass: false, after: None }
}

/// What goes in one message.
struct Parcel {
    deliveries: Vec<Delivery>,
    message: Message,
}

/// Sends the next message that waits for a channel, if any.
pub(super) async fn serve(
    store: &Store,
    config: &Rc<Config>,
    courier: &Courier,
    id: ChannelId,
) -> Result<(), StoreError> {
    let now = clock::unix();
    let read = move |conn: &mut _| {
        let channel = notify_channels::find_for_engine(conn, id)?;
        Ok(channel.zip(Some(notify_deliveries::waiting(conn, id, now, MOST)?)))
    };
    let Some((stored, waiting)) = store.read(read).await? else { return Ok(()) };
    let Some(parcel) = pack(&stored, waiting, config.public_url.as_deref()) else { return Ok(()) };
    let outcome = match stored.open(store.keys()) {
        Ok(channel) => courier.send(&channel, &parcel.message, uid(&parcel)).await,
        Err(why) => Err(never("config_unreadable", why)),
    };
    mark(store, config, &stored, parcel, outcome).await
}

fn uid(parcel: &Parcel) -> &str {
    parcel.deliveries.first().map_or("", |delivery| &delivery.uid)
}

/// The first alone; but what gathered in quiet hours goes together, and so does everything where much waits.
fn pack(channel: &StoredChannel, waiting: Vec<(Delivery, Row)>, public_url: Option<&str>) -> Option<Parcel> {
    let is_much = waiting.len() > SINGLY;
    let gathered = waiting.iter().filter(|(delivery, _)| delivery.digest).count();
    let taken: Vec<_> = match (is_much, gathered) {
        (true, _) => waiting,
        (false, 0) => waiting.into_iter().take(1).collect(),
        (false, _) => waiting.into_iter().filter(|(delivery, _)| delivery.digest).collect(),
    };
    let mut told: Vec<(Told, i64)> = Vec::new();
    for (delivery, row) in &taken {
        // Of one notice only the last word counts.
        told.retain(|(_, notice)| *notice != row.id.0);
        told.push((row.told(delivery.phase, link(row, public_url)), row.id.0));
    }
    let told: Vec<Told> = told.into_iter().map(|(told, _)| told).collect();
    let message = match told.as_slice() {
        [] => return None,
        [only] => text::write(only, channel.language),
        many => text::digest(many, channel.language, public_url.map(|url| format!("{url}/app/notices"))),
    };
    Some(Parcel { deliveries: taken.into_iter().map(|(delivery, _)| delivery).collect(), message })
}

/// Before the number of a challenge, in the key of the notice about it.
pub(super) const CHALLENGE: &str = "challenge:";

/// Where it is shown in the panel.
pub(super) fn link(row: &Row, public_url: Option<&str>) -> Option<String> {
    let url = public_url?;
    let subject = row.subject();
    let place = match (row.event, row.account, subject.conversation) {
        (
            Event::NewMessage | Event::Unanswered | Event::PersonNeeded | Event::Rule | Event::Handover,
            Some(account),
            Some(conversation),
        ) => {
            let conversation: String = form_urlencoded::byte_serialize(conversation.as_bytes()).collect();
            format!("conversations/{account}.{conversation}")
        }
        (Event::AccountNeedsPerson, ..) if row.key.starts_with(CHALLENGE) => {
            format!("challenges/{}", &row.key[CHALLENGE.len()..])
        }
        (Event::AccountNeedsPerson, Some(account), _) => format!("accounts/{account}/mend"),
        (Event::LoginEnding, Some(account), _) => format!("accounts/new?account={account}"),
        (Event::AccountDown, Some(account), _) => format!("accounts/{account}"),
        (Event::BackupFailed, ..) => "settings?tab=backups".to_owned(),
        _ => format!("notices/{}", row.id),
    };
    Some(format!("{url}/app/{place}"))
}

async fn mark(
    store: &Store,
    config: &Config,
    channel: &StoredChannel,
    parcel: Parcel,
    outcome: Result<(), Fault>,
) -> Result<(), StoreError> {
    let (id, now) = (channel.id, clock::unix());
    let marks: Vec<_> = match &outcome {
        Ok(()) => Vec::new(),
        Err(fault) => {
            parcel.deliveries.iter().map(|delivery| (delivery.id, next(config, delivery, fault, now))).collect()
        }
    };
    let (kind, dead) = (channel.kind.as_str(), marks.iter().filter(|(_, next)| next.is_none()).count());
    match &outcome {
        Ok(()) => {
            debug!("channel.id" = id.0, "channel.kind" = kind, deliveries = parcel.deliveries.len(); "notices were sent")
        }
        Err(fault) if dead > 0 => warn!(
            class = "network", "channel.id" = id.0, "channel.kind" = kind, deliveries = dead, code = fault.code;
            "notices could not be sent and are not tried again"
        ),
        Err(fault) => {
            debug!("channel.id" = id.0, "channel.kind" = kind, code = fault.code; "notices could not be sent yet")
        }
    }
    let ids: Vec<_> = parcel.deliveries.iter().map(|delivery| delivery.id).collect();
    let write = move |conn: &mut _| match outcome {
        Ok(()) => notify_deliveries::mark_sent(conn, &ids, now),
        Err(fault) => {
            let said = format!("{}: {}", fault.code, fault.said);
            marks.iter().try_for_each(|(id, next)| notify_deliveries::mark_failed(conn, &[*id], &said, *next))
        }
    };
    store.write(write).await
}

/// When a delivery is tried again; `None`: never by itself.
fn next(config: &Config, delivery: &Delivery, fault: &Fault, now: Timestamp) -> Option<Timestamp> {
    let attempts = delivery.attempts + 1;
    let wait = throttle::back_off(attempts).max(fault.after.unwrap_or_default());
    (fault.may_pass && attempts < config.attempts).then(|| now + wait)
}

/// One thing that is told beside the queue.
pub(super) fn aside(told: &Told, channel: &StoredChannel) -> Message {
    debug_assert!(told.phase != Phase::Again);
    text::write(told, channel.language)
}
