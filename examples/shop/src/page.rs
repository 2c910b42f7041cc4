//! What all pages have in common.

use axum::Form;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Redirect};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use typed_sessions::Session as Handle;
use typed_sessions::axum::{Flash, Session, SessionRejection, View};

use crate::visit::{Look, Theme, Visit};

/// A page to be shown: what its visitor prefers, and what they are to be told. It stands beside the
/// session in a handler's arguments.
pub struct Page {
    look: View<Look, Visit>,
    pub flash: Flash,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        Ok(Self {
            look: View::from_request_parts(parts, state).await?,
            flash: Flash::from_request_parts(parts, state).await?,
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Page {
    pub fn show(mut self, visit: &Handle<Visit>, title: &str, main: Markup) -> Markup {
        let theme = self.look.theme;
        let messages = self.flash.take();
        let body = html! {
            header.top {
                a.brand href="/" { (leaf()) "Leaf & Kettle" }
                nav aria-label="Shop" { ul { (self.links(visit)) } }
            }
            main id="main" tabindex="-1" {
                div.messages role="status" {
                    @for message in &messages {
                        p class={ "message " (message.level) } { (message.text) }
                    }
                }
                (main)
            }
            footer {
                p { "A demo of typed-sessions: nothing is sold, and nothing is kept." }
                form.look method="post" action="/look" {
                    input type="hidden" name="back" value=(self.path);
                    fieldset {
                        legend { "Theme" }
                        @for choice in Theme::ALL {
                            button name="theme" value=(choice.name())
                                aria-pressed=(theme == choice) { (choice.name()) }
                        }
                    }
                }
            }
        };
        document(theme, title, visit.member.is_some(), body)
    }

    fn links(&self, visit: &Handle<Visit>) -> Markup {
        let pieces: u32 = visit.cart.values().sum();
        let link = |path: &str, text: Markup| {
            let current = (self.path == path).then_some("page");
            html! { li { a href=(path) aria-current=[current] { (text) } } }
        };
        html! {
            (link("/", html! { "Teas" }))
            (link("/cart", html! { "Cart" @if pieces > 0 { " " span.count { (pieces) } } }))
            @if let Some(member) = &visit.member {
                (link("/devices", html! { "Devices" }))
                (link("/account", html! { (member.name) }))
            } @else {
                (link("/sign-in", html! { "Sign in" }))
            }
        }
    }
}

fn document(theme: Theme, title: &str, is_signed_in: bool, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Leaf & Kettle" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                @if is_signed_in { script src="/live.js" defer {} }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (body)
            }
        }
    }
}

fn leaf() -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
            path fill="currentColor"
                d="M20 3C9 3 4 8 4 14c0 2 .6 3.6 1.4 4.8C8 13 12 10 16 9c-4 2-7 6-9 11 1 1 2 1 3 \
                   1 7 0 10-7 10-18z" {}
        }
    }
}

/// The page in place of one that cannot be had. It asks for no session: that may be what is wrong.
pub fn sorry(why: &SessionRejection) -> (StatusCode, Markup) {
    let status = why.status();
    let body = html! {
        header.top { a.brand href="/" { (leaf()) "Leaf & Kettle" } }
        main id="main" tabindex="-1" {
            div.middle {
                h1 { "That did not work" }
                p.lead.why { (why) "." }
                @if status == StatusCode::UNAUTHORIZED {
                    a.button.primary href="/sign-in" { "Sign in" }
                } @else {
                    a.button.primary href="/" { "Back to the shop" }
                }
            }
        }
    };
    let page = document(Theme::Auto, "Sorry", false, body);
    (status, page)
}

pub async fn not_found(visit: Session<Visit>, page: Page) -> (StatusCode, Markup) {
    let main = html! {
        div.middle {
            h1 { "There is no such page" }
            p.lead { "Perhaps the link is old." }
            a.button.primary href="/" { "See our teas" }
        }
    };
    let page = page.show(&visit, "Not found", main);
    (StatusCode::NOT_FOUND, page)
}

#[derive(Deserialize)]
pub struct Choice {
    theme: Theme,
    back: String,
}

pub async fn set_look(mut look: View<Look, Visit>, Form(form): Form<Choice>) -> Redirect {
    look.theme = form.theme;
    // To this site alone.
    let is_path = form.back.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']));
    Redirect::to(if is_path { &form.back } else { "/" })
}

pub async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

pub async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("icon.svg"))
}

pub fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse + use<> {
    let headers: [(HeaderName, _); 2] =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "max-age=60")];
    (headers, text)
}
