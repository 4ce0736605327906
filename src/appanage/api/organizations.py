from appanage.api.schemas import new_router

router = new_router()
