const answer = await fetch("http://localhost:4000/notes");
document.querySelector("#state").textContent = `${(await answer.json()).notes.length} notes`;
