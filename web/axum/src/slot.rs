//! Where the handles of one request's session are kept between the extractors that use them.
//!
//! The session is opened when an extractor first asks for it. Each struct that the request looks at
//! it through has a *place* here; an extractor takes the handle out, and what it made of it puts it
//! back when it is dropped.

use std::any::TypeId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::lock::Mutex as AsyncMutex;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use typed_sessions_core::__web::{
    Bare, Handle, Handover, WithSources, catch_up, handover, is_destroyed,
};
use typed_sessions_core::{ErrorKind, Session, SessionData, Token};

use crate::layer::{Settings, Unreadable};
use crate::opener::{Data, Found, Pair};
use crate::rejection::SessionRejection;

/// The session of one request, as one layer sees it.
pub(crate) struct Slot {
    pub(crate) settings: Arc<Settings>,
    carried: Option<Token>,
    /// Held while the session is opened, so that this happens once.
    opening: AsyncMutex<()>,
    state: Mutex<State>,
}

struct State {
    session: Lookup,
    is_answered: bool,
}

/// What the request's session is.
pub(crate) enum Lookup {
    /// Nobody has asked.
    NotYet,
    /// The request carries no token, or one that opens nothing.
    Nothing(Came),
    /// The store could not tell.
    Failed(SessionRejection),
    Here(Box<Here>),
}

/// How the client came to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// With the token of this session.
    WithIt,
    /// Without a token, or with one that opens nothing.
    WithNone,
    /// With a token that another one has just replaced, which the client may hold by now.
    Late,
    /// With the token of another session, which this request has destroyed.
    WithOneThatEnded,
}

pub(crate) struct Here {
    pub(crate) root: Session<Bare>,
    pub(crate) came: Came,
    pub(crate) places: Vec<Place>,
}

pub(crate) struct Place {
    pub(crate) data: Data,
    pub(crate) handle: Whereabouts,
}

pub(crate) enum Whereabouts {
    In(Box<dyn Handle>),
    /// An extractor has it.
    Out,
    /// It was detached.
    Left,
    /// The handle of another session was put in its place.
    Replaced,
}

/// The slots of a request, one of each layer that it came through.
#[derive(Clone)]
pub(crate) struct Slots {
    pub(crate) innermost: Arc<Slot>,
    outer: Option<Arc<Slots>>,
}

impl Slots {
    fn all(&self) -> impl Iterator<Item = &Arc<Slot>> {
        std::iter::successors(Some(self), |slots| slots.outer.as_deref()).map(|s| &s.innermost)
    }

    /// Adds a layer's slot to a request.
    pub(crate) fn add(
        extensions: &mut Extensions,
        slot: Arc<Slot>,
    ) -> Result<(), SessionRejection> {
        let outer = extensions.get::<Self>().cloned();
        let name = slot.settings.carrier.name();
        let is_taken = |other: &Arc<Slot>| other.settings.carrier.name() == name;
        if outer.as_ref().is_some_and(|outer| outer.all().any(is_taken)) {
            return Err(SessionRejection::misuse(format!(
                "two session layers around this route both use `{name}`: take one of them away, \
                 or give one another name"
            )));
        }
        extensions.insert(Self { innermost: slot, outer: outer.map(Arc::new) });
        Ok(())
    }

    fn of(parts: &Parts) -> Result<&Self, SessionRejection> {
        parts.extensions.get().ok_or_else(|| {
            SessionRejection::misuse(
                "there is no session layer around this route: add \
                 `.layer(SessionLayer::new(sessions))` to the router, after the routes and their \
                 `route_layer`s",
            )
        })
    }
}

impl Slot {
    pub(crate) fn new(settings: Arc<Settings>, headers: &HeaderMap) -> Self {
        let carried = settings.carrier.token_in(headers);
        let state = State { session: Lookup::NotYet, is_answered: false };
        Self { settings, carried, opening: AsyncMutex::new(()), state: Mutex::new(state) }
    }

    /// That of the innermost layer.
    pub(crate) fn innermost(parts: &Parts) -> Result<Arc<Self>, SessionRejection> {
        Ok(Arc::clone(&Slots::of(parts)?.innermost))
    }

    /// That of the innermost layer whose sessions are of this struct.
    pub(crate) fn of<D: SessionData>(parts: &Parts) -> Result<Arc<Self>, SessionRejection> {
        let slots = Slots::of(parts)?;
        let is_of = |slot: &&Arc<Self>| slot.settings.opener.data().id == TypeId::of::<D>();
        slots.all().find(is_of).cloned().ok_or_else(|| {
            let (asked, there) =
                (Data::of::<D>().name, slots.innermost.settings.opener.data().name);
            SessionRejection::misuse(format!(
                "the session layer around this route has sessions of `{there}`, and this handler \
                 asks for `{asked}`: name `{there}` as the struct, or take `View<{asked}, {there}>`"
            ))
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the request's session, if nobody has yet. Tells whether there is one.
    pub(crate) async fn open(&self) -> Result<bool, SessionRejection> {
        let _one_at_a_time = self.opening.lock().await;
        match &self.lock().session {
            Lookup::NotYet => {}
            Lookup::Nothing(_) => return Ok(false),
            Lookup::Failed(rejection) => return Err(rejection.clone()),
            Lookup::Here(here) => return Ok(here.exists()),
        }
        let found = match self.carried.clone() {
            Some(token) => self.settings.opener.open(token).await,
            None => Ok(Found::Nothing),
        };
        let session = match found {
            Ok(Found::Session(pair)) => Lookup::Here(Box::new(Here::new(self, pair, Came::WithIt))),
            Ok(Found::Nothing) => Lookup::Nothing(Came::WithNone),
            Ok(Found::Late) => Lookup::Nothing(Came::Late),
            Err(error) => self.failed(error),
        };
        let outcome = match &session {
            Lookup::Failed(rejection) => Err(rejection.clone()),
            other => Ok(matches!(other, Lookup::Here(_))),
        };
        self.lock().session = session;
        outcome
    }

    fn failed(&self, error: typed_sessions_core::Error) -> Lookup {
        if error.kind() == ErrorKind::Decode && self.settings.on_unreadable == Unreadable::StartNew
        {
            tracing::warn!(
                target: "typed_sessions", error = %WithSources(&error),
                "a session cannot be read: the request goes on without it"
            );
            return Lookup::Nothing(Came::WithNone);
        }
        Lookup::Failed(error.into())
    }

    /// Opens the request's session, or starts one: also when the request has destroyed the one that
    /// it came with.
    pub(crate) async fn open_or_start(&self) -> Result<(), SessionRejection> {
        self.open().await?;
        let mut state = self.lock();
        let came = match &state.session {
            Lookup::Nothing(came) => *came,
            Lookup::Here(here) if here.is_over() => here.came_to_the_next(),
            _ => return Ok(()),
        };
        let pair = self.settings.opener.start()?;
        state.session = Lookup::Here(Box::new(Here::new(self, pair, came)));
        Ok(())
    }

    /// Looks at the session itself, if there is one.
    pub(crate) fn with_root<R>(&self, look: impl FnOnce(&Session<Bare>) -> R) -> Option<R> {
        match &self.lock().session {
            Lookup::Here(here) => Some(look(&here.root)),
            _ => None,
        }
    }

    /// Whether an extractor has the handle of this struct.
    pub(crate) fn is_out<X: SessionData>(&self) -> bool {
        let Lookup::Here(here) = &self.lock().session else { return false };
        let of_x = here.places.iter().find(|place| place.data == Data::of::<X>());
        of_x.is_some_and(|place| !matches!(place.handle, Whereabouts::In(_)))
    }

    /// Takes the handle of a struct out of its place. A struct that was not asked for yet gets a
    /// view of the session.
    pub(crate) fn take<X: SessionData>(self: &Arc<Self>) -> Result<Taken<X>, SessionRejection> {
        let mut state = self.lock();
        let Lookup::Here(here) = &mut state.session else {
            return Err(SessionRejection::misuse("no session was opened"));
        };
        let data = Data::of::<X>();
        let place = here.places.iter_mut().find(|place| place.data == data);
        let session = match place
            .map(|place| std::mem::replace(&mut place.handle, Whereabouts::Out))
        {
            Some(Whereabouts::In(handle)) => match handle.into_any().downcast::<Session<X>>() {
                Ok(session) => *session,
                Err(_) => return Err(SessionRejection::misuse("a handle is in another's place")),
            },
            Some(Whereabouts::Out) => return Err(in_use(data)),
            Some(Whereabouts::Replaced) => {
                here.place_of(data).handle = Whereabouts::Replaced;
                return Err(replaced(data));
            }
            Some(Whereabouts::Left) => {
                here.place_of(data).handle = Whereabouts::Left;
                return Err(SessionRejection::misuse(format!(
                    "the session (`{}`) was detached earlier in this request: what detached it \
                     saves it, and nobody else can have it",
                    data.name
                )));
            }
            None => {
                let session = here.root.view::<X>()?;
                here.places.push(Place { data, handle: Whereabouts::Out });
                session
            }
        };
        Ok(Taken { session: Some(session), slot: Arc::clone(self) })
    }

    /// Ends the handling of the request: from now on nothing is put back.
    pub(crate) fn close(&self) -> Lookup {
        let mut state = self.lock();
        state.is_answered = true;
        std::mem::replace(&mut state.session, Lookup::NotYet)
    }

    /// Whether an extractor has asked for the session.
    pub(crate) fn is_used(&self) -> bool {
        !matches!(self.lock().session, Lookup::NotYet)
    }

    fn put_back<X: SessionData>(&self, session: Session<X>) {
        let mut state = self.lock();
        if state.is_answered && session.is_changed() {
            tracing::warn!(
                target: "typed_sessions", session = %session.id(),
                "what was changed in a session after its request was answered is dropped"
            );
        }
        let Lookup::Here(here) = &mut state.session else { return };
        if session.id() != here.root.id() {
            // One that this request has destroyed is nobody's any more.
            if !session.is_ended() {
                here.place_of(Data::of::<X>()).handle = Whereabouts::Replaced;
            }
            return;
        }
        catch_up(&mut here.root, &session);
        here.place_of(Data::of::<X>()).handle = Whereabouts::In(Box::new(session));
    }

    /// The handle goes its own way; what is known of the session stays.
    fn let_go<X: SessionData>(&self, session: &Session<X>) {
        if let Lookup::Here(here) = &mut self.lock().session {
            if session.id() == here.root.id() {
                catch_up(&mut here.root, session);
            }
            here.place_of(Data::of::<X>()).handle = Whereabouts::Left;
        }
    }
}

fn in_use(data: Data) -> SessionRejection {
    SessionRejection::misuse(format!(
        "the session (`{}`) is in use already in this request: a handler takes one of `Session`, \
         `Option<Session>`, `User` and `Fresh`, once, and each of `View`, `Flash` and `Csrf` once; \
         middleware drops its own before it calls `next.run`. To look at who is signed in take \
         `CurrentUser`",
        data.name
    ))
}

/// What was put in the place of a session's handle is another session's.
pub(crate) fn replaced(data: Data) -> SessionRejection {
    SessionRejection::misuse(format!(
        "the handle of another session was put in the place of the request's (`{}`), by `*session = \
         ..`: nothing of it is saved. Keep a handle of your own beside it, or give its token to the \
         client yourself",
        data.name
    ))
}

impl Here {
    /// Whether the session was destroyed, and nobody has a handle of it.
    fn is_over(&self) -> bool {
        let is_out = |place: &Place| matches!(place.handle, Whereabouts::Out);
        is_destroyed(&self.root) && !self.places.iter().any(is_out)
    }

    /// How the client came to the session that takes the place of this one, which is over.
    fn came_to_the_next(&self) -> Came {
        match (self.came, handover(&self.root)) {
            (Came::WithIt | Came::WithOneThatEnded, Handover::Remove) => Came::WithOneThatEnded,
            _ => Came::WithNone,
        }
    }

    fn new(slot: &Slot, pair: Pair, came: Came) -> Self {
        let data = slot.settings.opener.data();
        let place = Place { data, handle: Whereabouts::In(pair.handle) };
        Self { root: pair.root, came, places: vec![place] }
    }

    fn place_of(&mut self, data: Data) -> &mut Place {
        let at = self.places.iter().position(|place| place.data == data);
        let at = at.unwrap_or_else(|| {
            self.places.push(Place { data, handle: Whereabouts::Out });
            self.places.len() - 1
        });
        &mut self.places[at]
    }

    /// Whether there is anything in it: one that was started in this request, and nothing put into
    /// it, is none.
    fn exists(&self) -> bool {
        let is_changed = |place: &Place| match &place.handle {
            Whereabouts::In(handle) => handle.is_changed(),
            Whereabouts::Out | Whereabouts::Left | Whereabouts::Replaced => false,
        };
        !self.root.is_ended() && (self.root.is_stored() || self.places.iter().any(is_changed))
    }
}

/// A handle that an extractor has taken out of its place; goes back when it is dropped.
pub(crate) struct Taken<X: SessionData> {
    /// `None` only once it was detached, or is being dropped.
    session: Option<Session<X>>,
    slot: Arc<Slot>,
}

impl<X: SessionData> Taken<X> {
    pub(crate) fn get(&self) -> &Session<X> {
        self.session.as_ref().expect("it is here until it is detached")
    }

    pub(crate) fn get_mut(&mut self) -> &mut Session<X> {
        self.session.as_mut().expect("it is here until it is detached")
    }

    /// Takes it away from the layer, which does not save it.
    pub(crate) fn detach(mut self) -> Session<X> {
        let session = self.session.take().expect("it is here until it is detached");
        self.slot.let_go(&session);
        session
    }
}

impl<X: SessionData> Drop for Taken<X> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.slot.put_back(session);
        }
    }
}
