"""matrix-nio logs in, knowing nothing but an account's id and password, reads a room and says something in it.

usage: login.py ID PASSWORD ROOM TEXT
"""

import asyncio
import json
import ssl
import sys

import nio


async def main(user, password, room, text):
    server_name = user.split(":", 1)[1]
    context = ssl.create_default_context()
    seeker = nio.AsyncClient(f"https://{server_name}", user, ssl=context)
    found = await seeker.discovery_info()
    await seeker.close()
    client = nio.AsyncClient(found.homeserver_url, user, ssl=context)
    try:
        entered = await client.login(password)
        synced = await client.sync(timeout=0, full_state=True)
        events = synced.rooms.join[room].timeline.events
        heard = [event.body for event in events if isinstance(event, nio.RoomMessageText)]
        said = await client.room_send(room, "m.room.message", {"msgtype": "m.text", "body": text})
        if not isinstance(said, nio.RoomSendResponse):
            sys.exit(f"the message was not taken: {said}")
        told = {"homeserver": found.homeserver_url, "logged in as": entered.user_id, "heard": heard}
        print(json.dumps(told))
        await client.logout()
    finally:
        await client.close()


asyncio.run(main(*sys.argv[1:]))
