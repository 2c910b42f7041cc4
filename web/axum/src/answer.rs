//! After the handler and before its answer's body: save, hand the token over, guard caches.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use typed_sessions_core::__web::{
    Bare, Handle, Handover, WithSources, catch_up, handover, is_current, is_destroyed,
    save_together, superseded,
};
use typed_sessions_core::{Result, Session, Token};
use typed_sessions_http::{Instruction, guard_caches};

use crate::layer::Settings;
use crate::rejection::SessionRejection;
use crate::slot::{Came, Here, Lookup, Slot, Whereabouts, replaced};

/// What becomes of the handler's answer once the session that it used is saved.
pub(crate) async fn answer(slot: Arc<Slot>, mut response: Response) -> Response {
    let mut told = Told::Nothing;
    if let Lookup::Here(here) = slot.close() {
        let Here { mut root, came, places } = *here;
        let mut misuse = None;
        let mut handles = Vec::with_capacity(places.len());
        for place in places {
            match place.handle {
                Whereabouts::In(handle) => handles.push(handle),
                Whereabouts::Out => tracing::warn!(
                    target: "typed_sessions", session = %root.id(), data = place.data.name,
                    "a session has left its handler with a body or a task: what is changed there \
                     is not saved by the layer; if that is meant, say so by `session.detach()`"
                ),
                Whereabouts::Left => {}
                Whereabouts::Replaced => misuse = Some(replaced(place.data)),
            }
        }
        settle(&mut root, &mut handles).await;
        if let Some(misuse) = misuse {
            response = in_place_of(&response, misuse);
        }
        if is_cut_short(response.status()) {
            if handles.iter().any(|handle| handle.is_changed()) {
                tracing::debug!(
                    target: "typed_sessions", session = %root.id(), status = %response.status(),
                    "the handler failed: what it changed in the session and did not save is dropped"
                );
            }
        } else if let Err(error) = save(&mut root, &mut handles, came).await {
            response = in_place_of(&response, error.into());
        }
        told = what_to_tell(&root, came).await;
    }
    let mut response = render(&slot.settings, response);
    let carrier = &slot.settings.carrier;
    let instruction = match &told {
        Told::Nothing => None,
        Told::Give(token, max_age) => Some(Instruction::Give { token, max_age: *max_age }),
        Told::Remove => Some(Instruction::Remove),
    };
    if let Some(instruction) = &instruction {
        carrier.instruct(response.headers_mut(), instruction);
        // No layer around this one is to render the answer anew, and lose it.
        response.extensions_mut().remove::<SessionRejection>();
    }
    guard_caches(response.headers_mut(), carrier, instruction.is_some());
    response
}

/// Whether a handler failed, or was stopped midway: 408 is what a timeout inside the layer answers.
fn is_cut_short(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// Finds out what became of a login, a logout or a proof whose answer from the store was lost: its
/// token is the only one then. Costs a call only if one was lost. Where the store does not answer
/// again, the client goes on with the token that it has.
async fn settle(root: &mut Session<Bare>, handles: &mut [Box<dyn Handle>]) {
    for handle in handles {
        if let Err(error) = handle.settle().await {
            tracing::debug!(
                target: "typed_sessions", session = %root.id(), error = %WithSources(&error),
                "whether a change of the session was carried out stays unknown"
            );
        }
        catch_up(root, &**handle);
    }
}

/// What the client is told about its token.
enum Told {
    Nothing,
    Give(Token, Option<std::time::Duration>),
    Remove,
}

async fn save(root: &mut Session<Bare>, handles: &mut [Box<dyn Handle>], came: Came) -> Result<()> {
    if is_destroyed(root) || !handles.iter().any(|handle| handle.is_changed()) {
        return Ok(());
    }
    if is_late(root, came) {
        return Err(superseded());
    }
    save_together(root, handles).await
}

/// Whether a session is a visitor's who is none: a token that another one had just replaced opened
/// nothing, so this one was started. Its cookie would take the place of the other one's.
fn is_late(root: &Session<Bare>, came: Came) -> bool {
    came == Came::Late && !root.is_logged_in()
}

async fn what_to_tell(root: &Session<Bare>, came: Came) -> Told {
    let give = |token| Told::Give(token, root.max_age());
    match handover(root) {
        Handover::Give(token) if !is_late(root, came) => give(token),
        // If the store cannot tell, the client goes on with the one that it has.
        Handover::IfCurrent(token) if is_current(root).await.unwrap_or(false) => give(token),
        Handover::Remove if came == Came::WithIt => Told::Remove,
        // What was started in its place is not stored.
        Handover::Nothing | Handover::Remove if came == Came::WithOneThatEnded => Told::Remove,
        Handover::Nothing | Handover::Give(_) | Handover::IfCurrent(_) | Handover::Remove => {
            Told::Nothing
        }
    }
}

/// The answer that says why there is no other. Cookies that the handler has set stay.
fn in_place_of(response: &Response, rejection: SessionRejection) -> Response {
    let mut instead = rejection.into_response();
    for cookie in response.headers().get_all(SET_COOKIE) {
        instead.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    instead
}

/// The answer as the application wants it rendered, if it is a rejection's.
pub(crate) fn render(settings: &Settings, mut response: Response) -> Response {
    let Some(render) = &settings.on_error else { return response };
    let Some(rejection) = response.extensions_mut().remove::<SessionRejection>() else {
        return response;
    };
    let mut rendered = render(&rejection);
    for cookie in response.headers().get_all(SET_COOKIE) {
        rendered.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    rejection.complete(&mut rendered);
    rendered
}
