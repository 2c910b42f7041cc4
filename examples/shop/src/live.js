// Follows the session on other devices. Without this, pages are as new as their last load.
const live = new EventSource("/live");

live.addEventListener("devices", ({ data }) => {
  const devices = document.getElementById("devices");
  if (!devices || devices.innerHTML === data) return;
  const focused = document.activeElement.id;
  devices.innerHTML = data;
  if (focused) document.getElementById(focused)?.focus();
});

// Kicked, signed out or run out: this page must not stay on the screen.
live.addEventListener("ended", () => location.replace("/sign-in?ended"));

// Refused rather than lost: the page knows what to do.
live.addEventListener("error", () => {
  if (live.readyState === EventSource.CLOSED) location.reload();
});

// What this page does itself needs no news, and a page that is left has none.
addEventListener("submit", () => live.close());
addEventListener("pagehide", () => live.close());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
