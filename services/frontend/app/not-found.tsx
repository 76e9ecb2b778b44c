import Link from "next/link";

export const metadata = { title: "Not found · Todo Chatbot" };

export default function NotFound() {
  return (
    <main className="splash">
      <h1>There is nothing here.</h1>
      <Link className="button" href="/">
        Go to your todos
      </Link>
    </main>
  );
}
