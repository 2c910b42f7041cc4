"use strict";

const $ = (id) => document.getElementById(id);
const people = new Set();
let me = "";
let socket = null;
let attempts = 0;

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;            // never innerHTML: what others write is text
  if (kind) made.className = kind;
  return made;
}

function show(item) {
  const list = $("messages");
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(item);
  while (list.childElementCount > 500) list.firstElementChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

const note = (text) => show(element("li", text, "note"));

function state(text, isOpen) {
  $("state").textContent = text;
  $("send").disabled = !isOpen;
}

const news = {
  message({ from, to, text }) {
    const item = element("li", "", from === me ? "mine" : "");
    const who = from === me ? "you" : from;
    item.append(element("b", to ? `${who} to ${to === me ? "you" : to}` : who), text);
    show(item);
    if (from !== me && !people.has(from)) {
      people.add(from);
      const option = document.createElement("option");
      option.value = from;
      $("people").append(option);
    }
  },
  connections: () => void listConnections(),
  failed: ({ text }) => note(text),
};

// True while signed in. A network error throws.
async function listConnections() {
  const response = await fetch("/connections");
  if (response.status === 401) return false;
  if (!response.ok) throw new Error(response.statusText);
  const listed = await response.json();
  me = listed.me;
  $("me").textContent = me;
  $("connections").replaceChildren(...listed.connections.map((connection) => {
    const item = element("li", connection.device + (connection.is_here ? " (this browser)" : ""));
    const since = new Date(connection.since).toLocaleTimeString();
    item.append(element("small", `server ${connection.server}, since ${since}`));
    if (!connection.is_here) {
      const button = element("button", "Sign out there", "quiet");
      button.onclick = () => fetch("/sign-out-there", {
        method: "POST",
        body: new URLSearchParams({ session: connection.session }),
      });
      item.append(button);
    }
    return item;
  }));
  return true;
}

function signedOut() {
  location.assign("/");
}

async function connect() {
  try {
    // A WebSocket that is refused does not say why: this does.
    if (!(await listConnections())) return signedOut();
  } catch {
    return later();
  }
  socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/socket`);
  socket.onopen = () => { attempts = 0; state("connected", true); };
  socket.onmessage = ({ data }) => { const item = JSON.parse(data); news[item.kind]?.(item); };
  socket.onclose = ({ code, reason }) => {
    socket = null;
    // 1008: the session is not what it was, so there is nothing to come back to.
    if (code === 1008) return signedOut();
    if (reason) note(`Disconnected: ${reason}.`);
    later();
  };
}

// All clients of a server that stops come back: each at a time of its own, or they would come at
// once.
function later() {
  state("connecting again", false);
  setTimeout(connect, Math.random() * Math.min(30_000, 1_000 * 2 ** attempts++));
}

$("write").onsubmit = (event) => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ to: $("to").value.trim(), text: $("text").value }));
  $("text").value = "";
};

// What a server that crashed could tell nobody.
setInterval(() => { if (socket) listConnections().catch(() => {}); }, 15_000);
connect();
