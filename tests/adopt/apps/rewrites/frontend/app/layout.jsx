export const metadata = { title: "Errands" };

export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
