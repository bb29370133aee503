"""The view sets, their routes, and the WSGI application."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.http import JsonResponse
from django.urls import include, path
from rest_framework.pagination import CursorPagination
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import ModelSerializer, PrimaryKeyRelatedField
from rest_framework.viewsets import ModelViewSet

from django_rest.models import Brand, Category, Product, Task


class Page(CursorPagination):
    ordering = "-created_at"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100


class TaskSerializer(ModelSerializer):
    class Meta:
        model = Task
        fields = "__all__"

    def update(self, instance, validated_data):
        instance.version += 1
        return super().update(instance, validated_data)


class BrandSerializer(ModelSerializer):
    class Meta:
        model = Brand
        fields = ("id", "name")


class CategorySerializer(ModelSerializer):
    class Meta:
        model = Category
        fields = ("id", "name")


class ProductSerializer(ModelSerializer):
    brand_id = PrimaryKeyRelatedField(source="brand", queryset=Brand.objects.all(), write_only=True)
    category_id = PrimaryKeyRelatedField(source="category", queryset=Category.objects.all(), write_only=True)
    brand = BrandSerializer(read_only=True)
    category = CategorySerializer(read_only=True)

    class Meta:
        model = Product
        fields = "__all__"


class TaskViewSet(ModelViewSet):
    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    pagination_class = Page


class BrandViewSet(ModelViewSet):
    queryset = Brand.objects.all()
    serializer_class = BrandSerializer
    pagination_class = Page


class CategoryViewSet(ModelViewSet):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer
    pagination_class = Page


class ProductViewSet(ModelViewSet):
    queryset = Product.objects.select_related("brand", "category")
    serializer_class = ProductSerializer
    pagination_class = Page


router = SimpleRouter(trailing_slash=False)
router.register("tasks", TaskViewSet)
router.register("brands", BrandViewSet)
router.register("categories", CategoryViewSet)
router.register("products", ProductViewSet)

urlpatterns = [
    path("readyz", lambda _request: JsonResponse({"status": "ready"})),
    path("api/v1/", include(router.urls)),
]
