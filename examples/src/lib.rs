//! Examples of typed-sessions: see the files beside this one.
