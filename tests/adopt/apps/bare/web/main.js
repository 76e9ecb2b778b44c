const API = import.meta.env.VITE_API_URL || "http://localhost:8000";

fetch(`${API}/chores`, { headers: { Authorization: "Bearer none" } }).then((answer) => {
  document.querySelector("#state").textContent = answer.status === 401 ? "log in first" : "there";
});
