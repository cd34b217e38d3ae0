//! Hands pictures to the platform before they are sent: each once for an account, one at a time.

use std::collections::VecDeque;

use actix::prelude::*;
use log::{info, warn};

use super::{
    AccountActor,
    connect::{Credentials, Failure},
    env::Env,
};
use crate::{
    account::{facts::AccountFacts, messages::AskPicture, state::State, token::Governor},
    ids::PictureId,
    outbox::{
        messages::PictureReady,
        picture::{NoPicture, Uploaded},
    },
    picture::Mime,
    platform::{
        mtop::outcome::Outcome,
        upload::{
            File, Picture, UploadRefused,
            client::{UploadClient, UploadError},
        },
    },
    store::{
        StoreError,
        picture_uploads::{self, Source, Upload, Wanted},
    },
    telemetry::clock,
};

/// Pictures that are wanted.
#[derive(Default)]
pub(super) struct Uploading {
    waiting: VecDeque<PictureId>,
    now: Option<PictureId>,
}

/// What came of one picture; the governor where the platform wants a person.
type Handed = (Result<Uploaded, NoPicture>, Option<Box<Governor>>);

impl Handler<AskPicture> for AccountActor {
    type Result = ();

    fn handle(&mut self, AskPicture(picture): AskPicture, ctx: &mut Self::Context) {
        // Whoever waits for it already is told together with this one.
        if self.uploading.now.as_ref() != Some(&picture) && !self.uploading.waiting.contains(&picture) {
            self.uploading.waiting.push_back(picture);
        }
        self.upload_next(ctx);
    }
}

impl AccountActor {
    fn upload_next(&mut self, ctx: &mut Context<Self>) {
        if self.uploading.now.is_some() {
            return;
        }
        let Some(picture) = self.uploading.waiting.pop_front() else { return };
        self.uploading.now = Some(picture.clone());
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let handed = async move {
            let handed = hand_over(&env, &facts, &picture).await;
            (picture, handed)
        };
        let then = handed.into_actor(self).map(move |(picture, (outcome, tripped)), actor, ctx| {
            match tripped {
                Some(governor) => actor.want_person(epoch, *governor, ctx),
                None if outcome.is_err() => actor.look_at_breaker(ctx),
                None => {}
            }
            if let Err(NoPicture { reason, .. }) = &outcome {
                warn!("account.id" = actor.facts.id.0, "account.name" = &*actor.facts.name, "picture.id" = picture.as_str(), class = "network"; "a picture could not be handed to the platform: {reason}");
            }
            // Same thread; the outbox asks again when it hears nothing.
            actor.env.neighbours.picture_ready.do_send(PictureReady { account: actor.facts.id, picture, outcome });
            actor.uploading.now = None;
            actor.upload_next(ctx);
        });
        ctx.spawn(then);
    }

    /// The line is gone, and with it whoever waited. An upload that is under way comes to its end.
    pub(super) fn leave_pictures(&mut self) {
        self.uploading.waiting.clear();
    }
}

async fn hand_over(env: &Env, facts: &AccountFacts, picture: &PictureId) -> Handed {
    let (account, wanted) = (facts.id, picture.clone());
    let found = env.store.read(move |conn| picture_uploads::find(conn, account, &wanted)).await;
    match found {
        Ok(Wanted::Uploaded(upload)) => (Ok(uploaded(upload)), None),
        Ok(Wanted::Here(source)) => match upload(env, facts, picture, source).await {
            Ok(handed) => handed,
            Err(failure) => (Err(NoPicture { reason: detail(failure), is_final: false }), None),
        },
        Ok(Wanted::Missing) => {
            (Err(NoPicture { reason: "the picture is not there any more".into(), is_final: true }), None)
        }
        Err(error) => (Err(NoPicture { reason: error.to_string(), is_final: false }), None),
    }
}

fn uploaded(upload: Upload) -> Uploaded {
    let pixels = |pixels: i64| u32::try_from(pixels).unwrap_or(0);
    Uploaded { url: upload.url, width: pixels(upload.width), height: pixels(upload.height) }
}

fn detail(failure: Failure) -> String {
    failure.detail.unwrap_or_else(|| failure.reason.sentence().to_owned())
}

async fn upload(env: &Env, facts: &AccountFacts, picture: &PictureId, source: Source) -> Result<Handed, Failure> {
    let mut credentials = Credentials::load(&env.store, facts).await?;
    if let Some(breaker) = &credentials.governor.breaker {
        let reason = detail(Failure::blocked(breaker.cause));
        return Ok((Err(NoPicture { reason, is_final: true }), None));
    }
    let Some(mime) = Mime::of(&source.mime) else {
        return Ok((Err(NoPicture { reason: "the picture is of no known kind".into(), is_final: true }), None));
    };
    info!("account.id" = facts.id.0, "account.name" = &*facts.name, "picture.id" = picture.as_str(); "handing a picture to the platform");
    let file = File { name: format!("{picture}.{}", mime.ending()), mime: mime.as_str(), bytes: source.bytes.into() };
    let mut outcome = put(env, &file, &mut credentials).await?;
    let is_over = matches!(outcome, Err(UploadError::Refused(UploadRefused::Session)));
    if is_over && credentials.refresh_login(env).await? {
        outcome = put(env, &file, &mut credentials).await?;
    }
    let taken = match outcome {
        Ok(taken) => taken,
        Err(UploadError::Refused(UploadRefused::Session)) => return tripped(env, credentials, Outcome::Session).await,
        Err(UploadError::Refused(UploadRefused::Risk { url })) => {
            return tripped(env, credentials, Outcome::Risk { url }).await;
        }
        Err(error) => return Ok((Err(NoPicture { reason: error.to_string(), is_final: false }), None)),
    };
    let (width, height) =
        taken.size.map_or((source.width, source.height), |(width, height)| (width.into(), height.into()));
    let upload = Upload {
        account: facts.id,
        picture: picture.clone(),
        url: taken.url,
        width,
        height,
        uploaded_at: clock::unix(),
    };
    // Before the picture is sent: its echo is known by this address.
    Ok((Ok(uploaded(keep(env, upload).await?)), None))
}

/// Hands the file over; the cookies that come with the answer are stored.
async fn put(env: &Env, file: &File, credentials: &mut Credentials) -> Result<Result<Picture, UploadError>, Failure> {
    let client = UploadClient { http: credentials.http(env), config: &env.config.upload };
    let report = client.upload(file, &mut credentials.cookies).await;
    if report.cookies_changed {
        credentials.save_cookies(&env.store).await?;
    }
    Ok(report.outcome)
}

async fn keep(env: &Env, upload: Upload) -> Result<Upload, StoreError> {
    let kept = move |conn: &mut _| {
        picture_uploads::insert(conn, &upload)?;
        Ok(upload)
    };
    env.store.write(kept).await
}

/// Dead cookies, or a challenge: what is always done about them.
async fn tripped(env: &Env, mut credentials: Credentials, outcome: Outcome) -> Result<Handed, Failure> {
    let failure = credentials.refused(env, outcome, None).await?;
    let governor = (failure.state == State::Failed).then(|| Box::new(credentials.governor));
    Ok((Err(NoPicture { reason: detail(failure), is_final: true }), governor))
}
