//! Pages that follow what happens elsewhere: an event stream that lives as long as its session.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _, stream};
use typed_sessions::axum::{Csrf, SessionRejection, User};
use typed_sessions::{Push, Reason};

use crate::page::asset;
use crate::visit::Visit;
use crate::{Shop, devices};

pub async fn follow(
    State(shop): State<Shop>,
    user: User<Visit>,
    mut csrf: Csrf,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, SessionRejection> {
    let (member, here) = (user.user().clone(), user.session().id());
    let token = csrf.token().await?;
    let connection = shop.hub.connect(user.session()).await?;
    // What happened between the page and this, or while the browser was away, is in the first list.
    let pushes = stream::iter([Push::Message("devices".into())]).chain(connection);
    let events = pushes.filter_map(move |push| {
        let (shop, member, token) = (shop.clone(), member.clone(), token.clone());
        async move {
            match push {
                Push::Message(_) => {
                    let list = devices::list(&shop, &member, here, &token).await.ok()?;
                    Some(Ok(Event::default().event("devices").data(list.into_string())))
                }
                // The browser comes back by itself.
                Push::Closed(Reason::ShuttingDown | Reason::Lagged) => None,
                Push::Closed(reason) => {
                    Some(Ok(Event::default().event("ended").data(reason.to_string())))
                }
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

pub async fn script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("live.js"))
}
