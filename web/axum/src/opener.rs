//! How a layer opens sessions without knowing at compile time of which struct they are.

use std::any::{TypeId, type_name};

use async_trait::async_trait;
use typed_sessions_core::__web::{self, Bare, Handle, Opened};
use typed_sessions_core::{Result, Session, SessionData, Sessions, Token};

/// A session of some struct, and the session itself.
pub(crate) struct Pair {
    pub(crate) root: Session<Bare>,
    pub(crate) handle: Box<dyn Handle>,
}

/// What a token opened.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Found {
    Session(Pair),
    Nothing,
    Late,
}

/// The struct that a layer's sessions are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl Data {
    pub(crate) fn of<D: SessionData>() -> Self {
        Self { id: TypeId::of::<D>(), name: short_name(type_name::<D>()) }
    }
}

/// A type's name without the modules that it is in.
fn short_name(name: &'static str) -> &'static str {
    if name.contains('<') { name } else { name.rsplit("::").next().unwrap_or(name) }
}

#[async_trait]
pub(crate) trait Opener: Send + Sync {
    fn data(&self) -> Data;
    async fn open(&self, token: Token) -> Result<Found>;
    fn start(&self) -> Result<Pair>;
}

#[async_trait]
impl<D: SessionData> Opener for Sessions<D> {
    fn data(&self) -> Data {
        Data::of::<D>()
    }

    async fn open(&self, token: Token) -> Result<Found> {
        Ok(match __web::open(self, token).await? {
            Opened::Session(session) => Found::Session(pair(session)?),
            Opened::Nothing => Found::Nothing,
            Opened::Late => Found::Late,
        })
    }

    fn start(&self) -> Result<Pair> {
        pair(Sessions::start(self))
    }
}

fn pair<D: SessionData>(session: Session<D>) -> Result<Pair> {
    Ok(Pair { root: session.view()?, handle: Box::new(session) })
}
