/** Pictures; their meaning is always said in words beside them, so they are hidden from screen readers. */

import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <path
        className="logo-body"
        d="M9 3h14a7 7 0 0 1 7 7v8a7 7 0 0 1-7 7h-8.2L8.6 29.6A1 1 0 0 1 7 28.8V24.7A7 7 0 0 1 2 18v-8a7 7 0 0 1 7-7Z"
      />
      <path className="logo-mark" d="m10.5 14.4 3.8 3.8 7.4-7.8" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

export const PencilIcon = () => (
  <Icon>
    <path d="m12.8 4.2 3 3L7 16l-3.6.6L4 13l8.8-8.8Z" />
  </Icon>
);

export const TrashIcon = () => (
  <Icon>
    <path d="M3.5 5.5h13M8 5.5V3.8h4v1.7M5.2 5.5l.7 10.7h8.2l.7-10.7M8.4 8.6v4.6M11.6 8.6v4.6" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M10 16V4.5M5 9.2l5-5 5 5" />
  </Icon>
);

export const ListIcon = () => (
  <Icon>
    <path d="m3 5.5 1.4 1.4L7 4.2M3 13.2l1.4 1.4L7 12M10 5.7h7M10 13.5h7" />
  </Icon>
);

export const ChatIcon = () => (
  <Icon>
    <path d="M6 3.5h8a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H9.5L6 17.3v-2.8a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3Z" />
  </Icon>
);

export const LeaveIcon = () => (
  <Icon>
    <path d="M8 3.5H4.5v13H8M8.5 10h8M13.5 6.8l3.2 3.2-3.2 3.2" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m5 10.4 3.4 3.4L15 6.8" strokeWidth="2.4" />
  </Icon>
);
