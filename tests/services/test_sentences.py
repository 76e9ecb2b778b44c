"""The sentences that a person tries first, in each language, with what is answered; no service runs."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from todo_agent import offline
from todo_agent.answer import Answer

CAN = {"en": "I work without a language model", "de": "Ich arbeite ohne Sprachmodell"}


class Todos:
    """The tools over a list in memory, with the errors of the real ones."""

    def __init__(self, titles: Iterable[str] = ()) -> None:
        self.items: list[dict[str, Any]] = []
        self.made = 0
        for title in titles:
            self._add(title)

    def _add(self, title: str) -> dict[str, Any]:
        self.made += 1
        self.items.append({"id": self.made, "title": title, "done": False})
        return self.items[-1]

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "list_todos":
            return {"items": [dict(item) for item in self.items]}
        if name == "add_todo":
            return dict(self._add(arguments["title"]))
        found = next((item for item in self.items if item["id"] == arguments["id"]), None)
        if found is None:
            return "there is no such todo"
        if name == "delete_todo":
            self.items.remove(found)
            return {"deleted": True}
        found.update({"done": True} if name == "complete_todo" else arguments)
        return dict(found)


class Chat:
    """A conversation as the backend keeps it."""

    def __init__(self, titles: Iterable[str] = ()) -> None:
        self.todos = Todos(titles)
        self.history: list[dict[str, str]] = []

    def say(self, message: str) -> str:
        """One message; the reply, which is also what was streamed."""
        answer = Answer()

        async def read() -> str:
            events = offline.run(self.todos, message, self.history, answer)
            return "".join([data["text"] async for name, data in events if name == "delta"])

        streamed = asyncio.run(read())
        assert streamed == answer.reply
        self.history += [{"role": "user", "content": message}, {"role": "assistant", "content": answer.reply}]
        return answer.reply

    def titles(self) -> list[str]:
        return [item["title"] for item in self.todos.items]


SURE = 'That deletes all your todos, 3 of them, for good. Say "yes" and I do it.'
SICHER = 'Das löscht alle deine Aufgaben, 3 Stück, endgültig. Sag "ja", dann tue ich es.'
FIRST = ["buy milk", "call Dr. Ruiz", "go to the bank"]

ENGLISH = [
    ("hello", "Hello! " + CAN["en"]),
    ("hi there!", "Hello! " + CAN["en"]),
    ("what can you do?", CAN["en"]),
    ("help", CAN["en"]),
    ("add eggs", "Added: eggs."),
    ("Please add buy bread to my list.", "Added: buy bread."),
    ("remind me to call Prof. J. Smith at 5 p.m. tomorrow", "Added: call Prof. J. Smith at 5 p.m. tomorrow."),
    ("I need to pay the rent.", "Added: pay the rent."),
    ("new todo: water the plants", "Added: water the plants."),
    ("list", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("show me my tasks", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("What's on my list?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("what is left today?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("what do I still have to do?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("what should I do next?", "Next: buy milk."),
    ("complete buy milk", "Done: buy milk."),
    ("I bought milk. complete buy milk", "Done: buy milk."),
    ("mark the first one as done", "Done: buy milk."),
    ("call Dr. Ruiz is done", "Done: call Dr. Ruiz."),
    ("add: call mum", "Added: call mum."),
    ("don't forget to water the plants", "Added: water the plants."),
    ('Add "read: War & Peace" to my todos', "Added: read: War & Peace."),
    ("I'm done with buy milk", "Done: buy milk."),
    ("set milk to done", "Done: buy milk."),
    ("is milk done yet?", "[ ] buy milk"),
    ("cross off 2", "Done: call Dr. Ruiz."),
    ("is everything done?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("delete everything that is done", "There is nothing to change."),
    ("delete the second and the third", "Deleted: call Dr. Ruiz.\nDeleted: go to the bank."),
    ("complete 1 and 3", "Done: buy milk.\nDone: go to the bank."),
    ("complete tasks 1 and 3", "Done: buy milk.\nDone: go to the bank."),
    ("delete 1-2", "Deleted: buy milk.\nDeleted: call Dr. Ruiz."),
    ("mark 2 to 3 as done", "Done: call Dr. Ruiz.\nDone: go to the bank."),
    ("delete 1-3", SURE),
    ("delete 2 and 4", 'I found no todo called "4".'),
    ("delete the first two", "Deleted: buy milk.\nDeleted: call Dr. Ruiz."),
    ("complete the last 2 tasks", "Done: call Dr. Ruiz.\nDone: go to the bank."),
    ("delete all but the first", "Deleted: call Dr. Ruiz.\nDeleted: go to the bank."),
    ("delete everything except bread", 'I found no todo called "bread".'),
    ("done 2", "Done: call Dr. Ruiz."),
    ("edit buy milk: buy oat milk", "Renamed buy milk to buy oat milk."),
    ("edit task 1: buy oat milk", "Renamed buy milk to buy oat milk."),
    ("rename buy milk -> buy oat milk", "Renamed buy milk to buy oat milk."),
    ("complete everything", "Done: buy milk.\nDone: call Dr. Ruiz.\nDone: go to the bank."),
    ("show completed", "None of your 3 todos is done yet."),
    ("complete buy milk and show completed", "Done: buy milk.\n[x] buy milk"),
    ("complete buy milk, then show me what is done", "Done: buy milk.\n[x] buy milk"),
    ("what have I finished?", "None of your 3 todos is done yet."),
    ("how many are done?", "0 of 3 are done."),
    ("how many are left?", "3 of 3 are left."),
    ("how many todos do I have?", "You have 3 todos: 0 done, 3 left."),
    ("rename buy milk to call Dr. Ruiz tonight", "Renamed buy milk to call Dr. Ruiz tonight."),
    ("rename go to the bank to go to the post", "Renamed go to the bank to go to the post."),
    ("change the second one to call mum", "Renamed call Dr. Ruiz to call mum."),
    ("find bank", "[ ] go to the bank"),
    ("is milk on my list?", "[ ] buy milk"),
    ("delete buy milk", "Deleted: buy milk."),
    ("remove the last one", "Deleted: go to the bank."),
    ("delete bread", 'I found no todo called "bread".'),
    ("clear all completed todos", "There is nothing to change."),
    ("undo that", "There is nothing to undo."),
    ("thanks!", "You are welcome."),
    ("I want to add a task to buy bread", "Added: buy bread."),
    ("I'd like to buy bread", "Added: buy bread."),
    ("todo buy bread", "Added: buy bread."),
    ("display all tasks", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("what tasks do I have?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("do I have any tasks?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("any open tasks?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("did I finish everything?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("done: buy milk", "Done: buy milk."),
    ("check buy milk", "Done: buy milk."),
    ("I bought the milk", "Done: buy milk."),
    ("complete the bank and buy milk", "Done: buy milk.\nDone: go to the bank."),
    ("delete bread and buy milk", 'I found no todo called "bread and buy milk".'),
    ("delete the", 'I found no todo called "the".'),
    ("buy milk -> buy oat milk", "Renamed buy milk to buy oat milk."),
    ("add tasks: eggs, read War & Peace and tea", "Added: eggs.\nAdded: read War & Peace.\nAdded: tea."),
    ("tasks: eggs, tea", "Added: eggs.\nAdded: tea."),
    ("delete both", 'I found no todo called "both".'),
    ("I've got to water the plants", "Added: water the plants."),
    ("we need to book flights", "Added: book flights."),
    ("gotta call the bank", "Added: call the bank."),
    ("let's add a todo to clean the garage", "Added: clean the garage."),
    ("jot down eggs", "Added: eggs."),
    ("Could you show me my todo list?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("is my list empty?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("anything for today?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("is buy milk done?", "[ ] buy milk"),
    ("find tasks about milk", "[ ] buy milk"),
    ("I just bought the milk", "Done: buy milk."),
    ("milk is bought", "Done: buy milk."),
    ("check buy milk off my list", "Done: buy milk."),
    ("buy milk \u2713", "Done: buy milk."),
    ("mark buy milk as not completed", "Open again: buy milk."),
    ("actually, buy milk isn't done yet", "Open again: buy milk."),
    ("uncomplete buy milk", "Open again: buy milk."),
    ("I don't need to buy milk anymore", "Deleted: buy milk."),
    ("forget about milk", "Deleted: buy milk."),
    ("undo last action", "There is nothing to undo."),
    ("pls add eggs thx", "Added: eggs."),
    ('could you please be so kind and add "eggs" to my list?', "Added: eggs."),
    ("remind me tomorrow at 9 to call mum", "Added: call mum tomorrow at 9."),
    ("finish number two", "Done: call Dr. Ruiz."),
    ("actually delete the bank one instead", "Deleted: go to the bank."),
    ("delete the one about the bank", "Deleted: go to the bank."),
    ("dElEtE buy milk pls", "Deleted: buy milk."),
    ("how many tasks are about milk?", "[ ] buy milk"),
    ("do I have more than 2 tasks?", "You have 3 todos: 0 done, 3 left."),
    ("show me the second one", "[ ] call Dr. Ruiz"),
    ("show me todo 2", "[ ] call Dr. Ruiz"),
    ("what is the second one?", "[ ] call Dr. Ruiz"),
    ("delete buy milk, then undo that", "There is nothing to change."),
    ("undo the last two", "There is nothing to undo."),
    ("I'm done", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("I'm finished with everything", "Done: buy milk.\nDone: call Dr. Ruiz.\nDone: go to the bank."),
    ("add:\n- eggs\n- tea", "Added: eggs.\nAdded: tea."),
    ("My tasks:\n1. eggs\n2) tea", "Added: eggs.\nAdded: tea."),
    ("rename buy milk", 'What should "buy milk" be called?'),
    ("menu", CAN["en"]),
    ("I need eggs and milk", "Added: eggs.\nAdded: milk."),
    ("I'd like eggs", "Added: eggs."),
    ("we're out of eggs", "Added: eggs."),
    ("I need help", 'I cannot do that: "I need help". ' + CAN["en"]),
    ("I want to delete everything", SURE),
    ("add milk, eggs", "Added: milk.\nAdded: eggs."),
    ("add eggs, tea, bread", "Added: eggs.\nAdded: tea.\nAdded: bread."),
    ('add "fish and chips"', "Added: fish and chips."),
    ('add "salt and pepper", tea', "Added: salt and pepper.\nAdded: tea."),
    ("add fish and chips", "Added: fish and chips."),
    ("add tom and jerry", "Added: tom and jerry."),
    ("add milk to my grocery list", "Added: milk."),
    ("add milk to list", "Added: milk."),
    ("add to my list: milk", "Added: milk."),
    ("note to self: eggs", "Added: eggs."),
    ("I must not forget eggs", "Added: eggs."),
    ("task eggs", "Added: eggs."),
    ("- [ ] eggs", "Added: eggs."),
    ("[x] buy milk", "Done: buy milk."),
    ("not done: buy milk", "Open again: buy milk."),
    ("not sure", "There is nothing that I asked you."),
    ("ls", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("tasks", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("pending tasks", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("is there anything left to do?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("let me know what's left", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("am I finished?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("what now?", "Next: buy milk."),
    ("next task", "Next: buy milk."),
    ("did I call Dr. Ruiz?", "[ ] call Dr. Ruiz"),
    ("have I bought milk?", "[ ] buy milk"),
    ("is the milk bought?", "[ ] buy milk"),
    ("when do I have to go to the bank?", "[ ] go to the bank"),
    ("delete 2nd", "Deleted: call Dr. Ruiz."),
    ("complete 1st and 3rd", "Done: buy milk.\nDone: go to the bank."),
    ("delete tasks two and three", "Deleted: call Dr. Ruiz.\nDeleted: go to the bank."),
    ("complete task one", "Done: buy milk."),
    ("edit task 1", 'What should "1" be called?'),
    ("undo the rename", "There is nothing to undo."),
    ("delete 2. list", "Deleted: call Dr. Ruiz.\n[ ] buy milk\n[ ] go to the bank"),
    ("book me a flight", 'I cannot do that: "book me a flight". ' + CAN["en"]),
]

GERMAN = [
    ("Lösche 1-2", "Gelöscht: buy milk.\nGelöscht: call Dr. Ruiz."),
    ("Lösche alles außer buy milk", "Gelöscht: call Dr. Ruiz.\nGelöscht: go to the bank."),
    ("Erledige die letzten zwei", "Erledigt: call Dr. Ruiz.\nErledigt: go to the bank."),
    ("Ändere 1: Hafermilch", "Umbenannt: buy milk in Hafermilch."),
    ("Hallo", "Hallo! " + CAN["de"]),
    ("Was kannst du?", CAN["de"]),
    ("Hilfe", CAN["de"]),
    ("notiere Brot kaufen", "Notiert: Brot kaufen."),
    ("Füge Brot kaufen zu meiner Liste hinzu", "Notiert: Brot kaufen."),
    ("Bitte setze Brot kaufen auf die Liste", "Notiert: Brot kaufen."),
    ("Ich muss Dr. Ruiz anrufen.", "Notiert: Dr. Ruiz anrufen."),
    ("Ich muss noch Brot kaufen", "Notiert: Brot kaufen."),
    ("Erinnere mich an die Miete", "Notiert: die Miete."),
    ("Zeige meine Aufgaben", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Was steht auf meiner Liste?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Was ist noch offen?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Was muss ich heute noch tun?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Was kommt als nächstes?", "Als Nächstes: buy milk."),
    ("Hake buy milk ab", "Erledigt: buy milk."),
    ("buy milk ist erledigt", "Erledigt: buy milk."),
    ("Markiere die zweite als erledigt", "Erledigt: call Dr. Ruiz."),
    ("Zeige erledigte Aufgaben", "Von deinen 3 Aufgaben ist noch keine erledigt."),
    ("Wie viele sind erledigt?", "0 von 3 sind erledigt."),
    ("Wie viele sind noch offen?", "3 von 3 sind offen."),
    ("Wie viele Aufgaben habe ich?", "Du hast 3 Aufgaben: 0 erledigt, 3 offen."),
    ("Benenne buy milk in Dr. Ruiz anrufen um", "Umbenannt: buy milk in Dr. Ruiz anrufen."),
    ("Lösche buy milk", "Gelöscht: buy milk."),
    ("Benenne buy milk um in Hafermilch", "Umbenannt: buy milk in Hafermilch."),
    ("Lösche buy milk und go to the bank", "Gelöscht: buy milk.\nGelöscht: go to the bank."),
    ("Bitte Brot hinzufügen", "Notiert: Brot."),
    ("Hinzufügen: Brot", "Notiert: Brot."),
    ("Ist alles erledigt?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Lösche alle erledigten", "Es gibt nichts zu ändern."),
    ("Neue Aufgaben: Eier, Tee und Brot", "Notiert: Eier.\nNotiert: Tee.\nNotiert: Brot."),
    ("buy milk -> Hafermilch", "Renamed buy milk to Hafermilch."),
    ("Lösche die letzte", "Gelöscht: go to the bank."),
    ("Mach das rückgängig", "Es gibt nichts rückgängig zu machen."),
    ("Kannst du Brot auf die Liste setzen?", "Notiert: Brot."),
    ("Ich brauche noch Eier", "Notiert: Eier."),
    ("Was steht heute an?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Ist meine Liste leer?", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Steht milk auf der Liste?", "[ ] buy milk"),
    ("Ist buy milk schon erledigt?", "[ ] buy milk"),
    ("milk ist gekauft", "Erledigt: buy milk."),
    ("buy milk ist doch nicht erledigt", "Wieder offen: buy milk."),
    ("Ersetze buy milk durch Hafermilch", "Umbenannt: buy milk in Hafermilch."),
    ("Lösch die letzte Aufgabe", "Gelöscht: go to the bank."),
    ("Streich buy milk von der Liste", "Gelöscht: buy milk."),
    ("milk brauche ich nicht mehr", "Gelöscht: buy milk."),
    ("Zurück", "Es gibt nichts rückgängig zu machen."),
    ("Loesche buy milk", "Gelöscht: buy milk."),
    ("Bitte erinnere mich morgen um 9 daran, Mama anzurufen", "Notiert: Mama anzurufen morgen um 9."),
    ("Brot nicht vergessen!", "Notiert: Brot."),
    ("Hab ich noch was zu tun?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Zeig mir die zweite", "[ ] call Dr. Ruiz"),
    ("Lösche nicht buy milk", 'Das kann ich nicht: "Lösche nicht buy milk". ' + CAN["de"]),
    ("Bitte lösche buy milk nicht", 'Das kann ich nicht: "Bitte lösche buy milk nicht". ' + CAN["de"]),
    (
        "Ich hab buy milk noch nicht erledigt",
        'Das kann ich nicht: "Ich hab buy milk noch nicht erledigt". ' + CAN["de"],
    ),
    ("Soll ich buy milk löschen?", 'Das kann ich nicht: "Soll ich buy milk löschen". ' + CAN["de"]),
    ("Neue Aufgaben:\n- Eier\n- Tee", "Notiert: Eier.\nNotiert: Tee."),
    ("fertig", 'Das kann ich nicht: "fertig". ' + CAN["de"]),
    ("Wer hat dich gemacht?", 'Das kann ich nicht: "Wer hat dich gemacht". ' + CAN["de"]),
    ("Buch mir einen Flug", 'Das kann ich nicht: "Buch mir einen Flug". ' + CAN["de"]),
    ("Danke!", "Gern geschehen."),
    ("notiere Tom und Jerry", "Notiert: Tom und Jerry."),
    ("Füge Mama und Papa hinzu", "Notiert: Mama und Papa."),
    ('füge "Salz und Pfeffer" hinzu', "Notiert: Salz und Pfeffer."),
    ("Füge Milch und Eier zur Liste hinzu", "Notiert: Milch.\nNotiert: Eier."),
    ("notiere Milch, Eier", "Notiert: Milch.\nNotiert: Eier."),
    ("notier mal Brot", "Notiert: Brot."),
    ("füg mal Brot dazu", "Notiert: Brot."),
    ("Schreib auf: Brot", "Notiert: Brot."),
    ("Erstelle eine Aufgabe: Brot kaufen", "Notiert: Brot kaufen."),
    ("Ich darf das Brot nicht vergessen", "Notiert: das Brot."),
    ("Vergiss das Brot nicht", "Notiert: das Brot."),
    ("Denk ans Brot", "Notiert: Brot."),
    ("Uns fehlt Brot", "Notiert: Brot."),
    ("Aufgaben anzeigen", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Offene Aufgaben", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Bin ich fertig?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Gibt es noch etwas zu tun?", "3 von 3 offen:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
    ("Was hab ich schon geschafft?", "Von deinen 3 Aufgaben ist noch keine erledigt."),
    ("Nächste Aufgabe", "Als Nächstes: buy milk."),
    ("Wo ist milk?", "[ ] buy milk"),
    ("Habe ich buy milk schon erledigt?", "[ ] buy milk"),
    ("Ich bin fertig mit buy milk", "Erledigt: buy milk."),
    ("Ich will alles löschen", SICHER),
    ("Nimm buy milk von der Liste", "Gelöscht: buy milk."),
    ("Lösche alles außer der ersten", "Gelöscht: call Dr. Ruiz.\nGelöscht: go to the bank."),
    (
        "erledige buy milk und zeig was offen ist",
        "Erledigt: buy milk.\n2 von 3 offen:\n[ ] call Dr. Ruiz\n[ ] go to the bank",
    ),
]


@pytest.mark.parametrize(("message", "reply"), ENGLISH + GERMAN)
def test_the_first_sentences(message: str, reply: str) -> None:
    said = Chat(FIRST).say(message)
    if reply.endswith(tuple(CAN.values())):
        assert said.startswith(reply)
    elif "I bought" in message:
        assert reply in said
    else:
        assert said == reply


@pytest.mark.parametrize(
    ("ask", "question", "yes", "no"),
    [
        ("remove everything", SURE, "yes", "no"),
        ("delete all", SURE, "Yes, please!", "keep them"),
        ("clear my list", SURE, "ok", "cancel"),
        ("delete 1, 2 and 3", SURE, "sure", "never mind"),
        *[(ask, SURE, "yes", "no") for ask in (
            "delete my list", "delete all todos now", "delete tasks", "delete every task", "throw everything away",
            "delete buy milk; delete call Dr. Ruiz; delete go to the bank",
            "delete 1, then delete 2 and delete the last one",
            "delete everything that isn't done", "delete all open tasks", "delete the whole list",
            "remove each of my todos", "delete buy milk, call Dr. Ruiz and go to the bank",
        )],
        *[(ask, SICHER, "ja", "nein") for ask in (
            "lösche meine Aufgaben", "lösche sie alle", "entferne die Liste", "alles weg", "lösche alle offenen",
        )],
        ("Lösche alles", SICHER, "Ja", "Nein"),
    ],
)  # fmt: skip
def test_everything_goes_only_after_a_yes(ask: str, question: str, yes: str, no: str) -> None:
    chat = Chat(FIRST)
    assert chat.say(ask) == question
    assert chat.titles() == FIRST
    chat.say(no)
    assert chat.titles() == FIRST
    chat.say(yes)
    assert chat.titles() == FIRST, "a yes without its question is for nothing"
    chat.say(ask)
    chat.say(yes)
    assert chat.titles() == []


@pytest.mark.parametrize(
    "answer",
    ["sure?", "yes?", "sicher?", "no, wait, yes", "yes, no", "yes and no", "yes but keep buy milk", "not sure", "nah",
     "don't do that", "no. list", "hold on", "I changed my mind", "maybe", "nö", "auf keinen Fall", "nicht sicher",
     "ja, aber buy milk behalten", "ja?", "nein, warte, ja", "👍?"],
)  # fmt: skip
def test_what_is_no_plain_yes_takes_nothing_away(answer: str) -> None:
    chat = Chat(FIRST)
    for ask in ("delete everything", "lösche alles"):
        chat.say(ask)
        chat.say(answer)
        assert chat.titles() == FIRST


@pytest.mark.parametrize(
    "answer",
    ["YES!", "yup", "yes, I'm sure", "yes please delete all of them", "of course", "go for it", "ja klar", "na klar",
     "ja, bitte alles löschen", "ich bin sicher"],
)  # fmt: skip
def test_a_plain_yes_is_one(answer: str) -> None:
    chat = Chat(FIRST)
    chat.say("delete everything")
    chat.say(answer)
    assert chat.titles() == []


@pytest.mark.parametrize(
    ("words", "question", "titles"),
    [
        ("eggs and milk", 'Did you mean "add eggs and milk"?', ["eggs", "milk"]),
        ("buy eggs", 'Did you mean "add buy eggs"?', ["buy eggs"]),
        ("call mom and dad!", 'Did you mean "add call mom and dad"?', ["call mom and dad"]),
        ("Eier und Milch", 'Meinst du "notiere Eier und Milch"?', ["Eier", "Milch"]),
        ("Tom und Jerry", 'Meinst du "notiere Tom und Jerry"?', ["Tom und Jerry"]),
        ("Milch und Eier kaufen", 'Meinst du "notiere Milch und Eier kaufen"?', ["Milch und Eier kaufen"]),
    ],
)
def test_a_thing_to_do_without_a_verb_of_ours_is_asked_about(words: str, question: str, titles: list[str]) -> None:
    chat = Chat(FIRST)
    assert chat.say(words).startswith(question) and chat.titles() == FIRST
    chat.say("no")
    assert chat.titles() == FIRST
    chat.say(words)
    chat.say("yes")
    assert chat.titles() == [*FIRST, *titles]


@pytest.mark.parametrize(
    ("message", "question", "said"),
    [
        ("complete by milk", 'Did you mean "complete buy milk"? Say "yes" and I do it.', "Done: buy milk."),
        ("remove buy mlik", 'Did you mean "delete buy milk"? Say "yes" and I do it.', "Deleted: buy milk."),
        ("rename buy mlik to tea", 'Did you mean "rename buy milk to tea"?', "Renamed buy milk to tea."),
        ("lösche go to the bnak", 'Meinst du "lösche go to the bank"?', "Gelöscht: go to the bank."),
    ],
)
def test_a_slip_in_a_title_is_asked_about(message: str, question: str, said: str) -> None:
    chat = Chat(FIRST)
    assert chat.say(message).startswith(question) and chat.titles() == FIRST
    assert chat.say("ja" if "Meinst" in question else "yes") == said


def test_each_undo_goes_one_change_further_back() -> None:
    chat = Chat(FIRST)
    for words in ("add tea", "complete buy milk", "delete call Dr. Ruiz", "rename 1 to oat milk"):
        chat.say(words)
    said = [chat.say("undo") for _ in range(5)]
    assert said == [
        "Renamed oat milk to buy milk.",
        "Added: call Dr. Ruiz.",
        "Open again: buy milk.",
        "Deleted: tea.",
        "There is nothing to undo.",
    ]


def test_what_was_deleted_comes_back_in_its_order() -> None:
    chat = Chat(FIRST)
    chat.say("delete everything")
    chat.say("yes")
    chat.say("undo")
    assert chat.titles() == FIRST


def test_a_no_after_a_change_says_how_it_is_taken_back() -> None:
    chat = Chat(FIRST)
    chat.say("delete 1")
    assert "undo" in chat.say("no!")
    chat.say("lösche 1")
    assert "rückgängig" in chat.say("nein")


def test_a_yes_is_not_for_what_came_after_the_question() -> None:
    chat = Chat(FIRST)
    chat.say("remove everything")
    chat.todos._add("from another window")
    assert chat.say("yes").startswith("That deletes all your todos, 4 of them")
    assert len(chat.titles()) == 4
    chat.say("yes")
    assert chat.titles() == []


@pytest.mark.parametrize(
    "change",
    ["add tea", "complete buy milk", "rename buy milk to buy tea", "delete call Dr. Ruiz", "complete everything",
     "add tea and delete buy milk", "notiere Tee", "Lösche buy milk", "Benenne buy milk in Tee um"],
)  # fmt: skip
@pytest.mark.parametrize(
    "undo",
    ["undo that", "Undo!", "take it back", "Mach das rückgängig", "oops, undo", "Oh no! Undo that",
     "ups, mach das rückgängig"],
)  # fmt: skip
def test_what_was_done_can_be_undone(change: str, undo: str) -> None:
    chat = Chat(FIRST)
    before = sorted((item["title"], item["done"]) for item in chat.todos.items)
    chat.say(change)
    assert sorted((item["title"], item["done"]) for item in chat.todos.items) != before
    chat.say("list")
    chat.say(undo)
    assert sorted((item["title"], item["done"]) for item in chat.todos.items) == before


@pytest.mark.parametrize("words", ["both", "both of them", "them", "the two", "these two"])
def test_both_are_the_two_that_were_last_spoken_of(words: str) -> None:
    chat = Chat(FIRST)
    chat.say("add tasks: tea and bread")
    assert chat.say(f"complete {words}") == "Done: tea.\nDone: bread."
    assert chat.say(f"remove {words}") == "Deleted: tea.\nDeleted: bread."
    assert chat.titles() == FIRST


def test_both_of_a_list_of_two_are_all_and_go_only_after_a_yes() -> None:
    chat = Chat(FIRST[:2])
    assert chat.say("remove both").startswith("That deletes all your todos, 2 of them")
    assert chat.titles() == FIRST[:2]
    assert chat.say("lösche beide").startswith("Das löscht alle deine Aufgaben, 2")


def test_it_is_what_was_last_spoken_of() -> None:
    chat = Chat(FIRST)
    chat.say("add tea")
    assert chat.say("mark it as done") == "Done: tea."
    assert chat.say("delete it") == "Deleted: tea."


TWO = ["buy milk", "sell milk"]


@pytest.mark.parametrize(
    ("ask", "reply", "said", "left"),
    [
        ("delete milk", "buy milk", "Deleted: buy milk.", ["sell milk"]),
        ("delete milk", "the second one", "Deleted: sell milk.", ["buy milk"]),
        ("delete milk", "2", "Deleted: sell milk.", ["buy milk"]),
        ("delete milk", "sell", "Deleted: sell milk.", ["buy milk"]),
        ("delete milk", "no", "There is nothing to change.", TWO),
        ("delete milk", "both", 'That deletes all your todos, 2 of them, for good. Say "yes" and I do it.', TWO),
        ("complete milk", "both", "Done: buy milk.\nDone: sell milk.", TWO),
        ("rename milk to tea", "sell milk", "Renamed sell milk to tea.", ["buy milk", "tea"]),
        ("lösche milk", "die zweite", "Gelöscht: sell milk.", ["buy milk"]),
        ("rename buy milk", "oat milk", "Renamed buy milk to oat milk.", ["oat milk", "sell milk"]),
        ("rename buy milk", "buy oat milk", "Renamed buy milk to buy oat milk.", ["buy oat milk", "sell milk"]),
        ("rename buy milk", "remote work", "Renamed buy milk to remote work.", ["remote work", "sell milk"]),
        ("rename buy milk", "add tea", "Added: tea.", [*TWO, "tea"]),
        ("delete buy milk", "no, I meant sell milk", "Added: buy milk.\nDeleted: sell milk.", ["buy milk"]),
        ("complete buy milk", "no, I meant the second one", "Open again: buy milk.\nDone: sell milk.", TWO),
    ],
)
def test_an_answer_is_understood_by_what_was_asked(ask: str, reply: str, said: str, left: list[str]) -> None:
    chat = Chat(TWO)
    chat.say(ask)
    assert chat.say(reply) == said and chat.titles() == left


def test_as_many_changes_are_undone_as_are_named() -> None:
    chat = Chat(FIRST)
    chat.say("add tea")
    chat.say("add bread")
    chat.say("delete buy milk")
    assert chat.say("undo the last two") == "Added: buy milk.\nDeleted: bread."
    assert sorted(chat.titles()) == sorted([*FIRST, "tea"])


def test_what_is_open_goes_alone_where_something_is_done() -> None:
    chat = Chat(TWO)
    chat.say("complete buy milk")
    assert chat.say("delete everything that isn't done") == "Deleted: sell milk."
    assert chat.titles() == ["buy milk"]


@pytest.mark.parametrize(
    "title",
    ['That deletes all your todos, 1 of them, for good. Say "yes" and I do it.', '"milk" may mean "a". Which one?'],
)
def test_a_title_that_reads_like_a_question_is_none(title: str) -> None:
    chat = Chat([title])
    for words in ("list", "find e"):
        chat.say(words)
        chat.say("yes")
        assert chat.titles() == [title]


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("ad eggs", "Added: eggs."),
        ("addd eggs", "Added: eggs."),
        ("comlete buy milk", "Done: buy milk."),
        ("please compelte 1", "Done: buy milk."),
        ("renmae buy milk to tea", "Renamed buy milk to tea."),
        ("shwo my tasks", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
        ("lst", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
        ("waht is left?", "3 of 3 left:\n[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank"),
        ("add eggs, then comlete buy milk", "Added: eggs.\nDone: buy milk."),
        ("delte buy milk", 'Did you mean "delete buy milk"? Say "yes" and I do it.'),
        ("remote work", 'Did you mean "remove work"? Say "yes" and I do it.'),
        ("erledge buy milk", "Erledigt: buy milk."),
        ("löschen1 das", 'Das kann ich nicht: "löschen1 das". ' + CAN["de"]),
        ("notire Eier", "Notiert: Eier."),
        ("clean the kitchen", 'Did you mean "add clean the kitchen"? Say "yes" and I do it.'),
        ("lost keys", 'I cannot do that: "lost keys". ' + CAN["en"]),
        ("mask repair", 'I cannot do that: "mask repair". ' + CAN["en"]),
    ],
)
def test_a_slip_in_the_first_word_is_understood(message: str, reply: str) -> None:
    said = Chat(FIRST).say(message)
    assert said.startswith(reply) if reply.endswith(tuple(CAN.values())) else said == reply


@pytest.mark.parametrize(
    ("answer", "reply", "left"),
    [
        ("yes", "Deleted: buy milk.", FIRST[1:]),
        ("no", "There is nothing to change.", FIRST),
        ("list", "[ ] buy milk\n[ ] call Dr. Ruiz\n[ ] go to the bank", FIRST),
    ],
)
def test_what_takes_away_is_not_guessed(answer: str, reply: str, left: list[str]) -> None:
    chat = Chat(FIRST)
    chat.say("delte buy milk")
    assert (chat.say(answer), chat.titles()) == (reply, left)
    assert "guess" not in chat.say("yes")
