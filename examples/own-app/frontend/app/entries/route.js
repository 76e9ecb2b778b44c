import { entriesUrl } from "../backend.js";

/** The page's form: hands the entry to the backend, and shows the page again. */
export async function POST(request) {
  const form = await request.formData();
  const answer = await fetch(entriesUrl(), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: form.get("name"), message: form.get("message") }),
  });
  if (!answer.ok) return new Response("The entry was not taken.", { status: answer.status });
  return new Response(null, { status: 303, headers: { location: "/" } });
}
