"""REST API of the Todo Chatbot: accounts, todos, and the door to the agent."""
