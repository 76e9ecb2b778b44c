import { entriesUrl } from "./backend.js";

export const dynamic = "force-dynamic";

export default async function Page() {
  const answer = await fetch(entriesUrl(), { cache: "no-store" });
  if (!answer.ok) throw new Error(`the backend answered ${answer.status}`);
  const entries = await answer.json();
  return (
    <main>
      <h1>Guest book</h1>
      <form method="post" action="/entries">
        <label>
          Name <input name="name" required maxLength={500} />
        </label>{" "}
        <label>
          Message <input name="message" required maxLength={500} />
        </label>{" "}
        <button>Sign</button>
      </form>
      <ul>
        {entries.map(({ name, message }, index) => (
          <li key={index}>
            <b>{name}</b> {message}
          </li>
        ))}
      </ul>
    </main>
  );
}
