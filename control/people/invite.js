"use strict";
// The invite stands behind the #, so that it is in no server's log.
const form = document.getElementById("join"), says = document.getElementById("says");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(form));
  try {
    const answer = await fetch("/api/v1/auth/accept-invite", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: location.hash.slice(1), name, password }),
    });
    const { data, error, details } = await answer.json();
    if (!answer.ok) {
      says.textContent = details ? Object.values(details).join("; ") : error;
      return;
    }
    history.replaceState(null, "", location.pathname);
    form.remove();
    localStorage.setItem("parley.known", "1"); // the console asks for the session
    says.textContent = `Welcome to ${data.organization.name}. You are logged in as ${data.user.email}.`;
  } catch {
    says.textContent = "The server does not answer. Try again in a moment.";
  }
});
